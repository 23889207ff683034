"""Corruptions by noise."""
