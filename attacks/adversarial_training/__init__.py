"""Train a classifier against attacks."""
