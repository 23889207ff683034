"""Corruptions by blur."""
