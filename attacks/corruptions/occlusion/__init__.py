"""Corruptions that hide a part of the face."""
