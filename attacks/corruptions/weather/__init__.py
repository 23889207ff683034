"""Corruptions by weather and light."""
