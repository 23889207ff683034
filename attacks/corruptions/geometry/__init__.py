"""Corruptions that move pixels."""
