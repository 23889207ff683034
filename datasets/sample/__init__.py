"""The embedded sample: generated faces of nobody, for a first run without any data.

`faces.npz` holds the faces; `card.md` says how they were made and what they must not be
used for. Reading and writing: `datasets/sample/faces.py`.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("read_sample", "write_sample"):
        from datasets.sample import faces

        return getattr(faces, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
