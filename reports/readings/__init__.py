"""The page of `python -m evaluation.video`: `page.py` puts it together."""
