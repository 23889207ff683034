"""Readers of published data sets: each lists the labelled image files of one layout."""
