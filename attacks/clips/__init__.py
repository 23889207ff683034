"""Attacks on the reading of one face over time: its frames, within eps each.

`suite.py` runs them all on one clip; `attacked_clip.py` has what they are given and what they make.
"""
