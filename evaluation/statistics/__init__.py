"""Intervals and tests: how far a figure of n images can be trusted. Numpy and scipy only."""
