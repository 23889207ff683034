"""Attacks and corruptions: threat models, base classes, sets on disk, the sweep that makes them."""
