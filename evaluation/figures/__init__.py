"""Rows of `results.csv`, computed from `per_image`."""
