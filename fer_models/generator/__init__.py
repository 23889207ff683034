"""The generator of the embedded sample: faces that belong to nobody, drawn for each expression.

`net.py` is the network, `flow.py` what it learns and how faces are drawn from it; `train.py`,
`sample.py` and `card.py` the commands.
"""
