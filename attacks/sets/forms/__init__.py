"""Attacked images in the forms that other programs load, each with a card."""
