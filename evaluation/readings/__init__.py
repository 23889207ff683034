"""Robustness of the reading of a clip: clips, attacks on them, and the readings frame by frame.

`python -m evaluation.video` puts it together; `evaluation/figures/readings.py` makes the figures,
`evaluation/results/reading.py` has the files.
"""
