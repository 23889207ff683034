"""Metrics: pure numpy functions of labels, logits and smallest breaking eps."""
