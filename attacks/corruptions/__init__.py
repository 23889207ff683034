"""Corruptions of 48-pixel faces, one per file; `attacks/registry.py` names them."""
