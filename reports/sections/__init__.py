"""Sections of the page: which chart, table and words each one shows."""
