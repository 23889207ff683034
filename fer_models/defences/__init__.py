"""Defences as wrappers: a classifier with a transformed input is again a classifier."""
