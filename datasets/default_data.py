"""Which faces a command reads when it is told none: $DEADPAN_DATA, ./data, the embedded sample."""

import os
import sys
from pathlib import Path

from datasets.base.errors import InputError
from datasets.sample.faces import FILE, WORD

FOLDER = Path("data")


def data_or_default(given: str | Path | None) -> Path:
    """The data source as given, from the environment, from ./data, or the word for the sample.

    One line on standard error says when it is the sample.

    Raises:
        InputError: there is none of them.
    """
    found = Path(given or os.environ.get("DEADPAN_DATA") or (FOLDER if FOLDER.exists() else WORD))
    if str(found) != WORD:
        return found
    if not FILE.exists():
        raise InputError(
            "no faces to evaluate: give FER2013 with --data PATH (a csv, an archive or a folder), "
            "or set DEADPAN_DATA, or put it into ./data."
        )
    print(
        "using the embedded sample of generated faces, whose figures say nothing about real ones; "
        "FER2013: `python -m datasets.fetch`",
        file=sys.stderr,
    )
    return found
