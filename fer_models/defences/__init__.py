"""Defences as wrappers: a classifier behind a change of its input is a classifier again."""
