"""Attacks and corruptions: threat models, base classes, on-disk sets, the sweep that makes them."""
