"""The data source of a command without --data: $DEADPAN_DATA, ./data, or the embedded sample."""

import os
import sys
from pathlib import Path

from datasets.base.errors import InputError
from datasets.sample.faces import FILE, WORD

FOLDER = Path("data")


def data_or_default(given: str | Path | None) -> Path:
    """Return the given data source, else $DEADPAN_DATA, else ./data, else `sample`.

    Prints one line on standard error when it is the sample.

    Raises:
        InputError: none of them exists.
    """
    found = Path(given or os.environ.get("DEADPAN_DATA") or (FOLDER if FOLDER.exists() else WORD))
    if str(found) != WORD:
        return found
    if not FILE.exists():
        raise InputError(
            "no faces to evaluate: give FER2013 with --data PATH (a csv, an archive or a folder), "
            "set DEADPAN_DATA, or put it into ./data."
        )
    print(
        "using the embedded sample of generated faces: its figures say nothing about real faces; "
        "get FER2013 with `python -m datasets.fetch`",
        file=sys.stderr,
    )
    return found
