"""Intervals and tests: how uncertain a figure of n images is. Numpy and scipy only."""
