"""How single frames become the reading of a face over time: repeater, running mean, hidden Markov.

`smoother.py` has the base class, `named.py` makes one from its name. All work online: the label of
a frame depends on that frame and on earlier ones.
"""
