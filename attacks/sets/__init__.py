"""Sets of attacked or corrupted images: what defines one, making it, and its files."""
