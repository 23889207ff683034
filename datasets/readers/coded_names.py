"""List images whose file name says the expression, as in KDEF and JAFFE."""

import re
from collections.abc import Mapping
from pathlib import Path

from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.readers.listing import Listed, Listing, images_below

CODES = {
    "AF": "fear",
    "FE": "fear",
    "AN": "anger",
    "DI": "disgust",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
"""Two-letter codes of expressions: `AF` (afraid) in KDEF and `FE` (fear) in JAFFE."""


def has_coded_names(path: Path, pattern: re.Pattern[str]) -> bool:
    """Whether the first image below a folder has a name of the pattern."""
    first = next(iter(images_below(path)), None) if path.is_dir() else None
    return first is not None and pattern.fullmatch(first.name.upper()) is not None


def list_coded(
    folder: Path, title: str, pattern: re.Pattern[str], example: str, columns: Mapping[str, str]
) -> Listing:
    """List all images below a folder whose name in capitals matches; all are of the split Test.

    Args:
        folder: folder of the data set.
        title: its name in reports.
        pattern: regular expression with a group `code`, a key of `CODES`.
        example: a file name of the layout, for errors.
        columns: not used, as there is no table.

    Raises:
        InputError: no image has such a name.
    """
    del columns
    faces, others = [], []
    for path in images_below(folder):
        match = pattern.fullmatch(path.name.upper())
        if match is None:
            others.append(path.name)
        else:
            faces.append(Listed(path, CODES[match["code"]], Split.TEST))
    if not faces:
        raise InputError(
            f"{folder}: expected images named as in {title} ({example}), found "
            f"{', '.join(others[:3]) or 'no image'}. Name another folder or --format."
        )
    notes = (
        (
            f"{len(others):,} images left out, whose names say no expression: "
            f"{', '.join(others[:3])}{', ...' if others[3:] else ''}",
        )
        if others
        else ()
    )
    return Listing(title, faces, notes=notes)
