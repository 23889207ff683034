"""Corruptions by digital processing."""
