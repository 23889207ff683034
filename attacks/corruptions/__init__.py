"""Corruptions of 48-pixel faces, one a file; `attacks/registry.py` names them."""
