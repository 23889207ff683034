"""Sets of attacked or corrupted images: what defines one, how it is made, and its files."""
