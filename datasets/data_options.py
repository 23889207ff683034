"""Options of every command that reads faces: where they are, in what form, and how they are read.

`faces/labelled.py` opens what they name. Nothing heavy is imported, so that `--help` answers at
once.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Option

from datasets.base.commands import DATA_DEFAULT

SMALLEST_SIDE, LARGEST_SIDE = 16, 1024


class Format(StrEnum):
    """Forms of data, for `--format`; `datasets/readers/formats.py` has the reader of each."""

    FER2013 = "fer2013"
    FOLDERS = "folders"
    CSV = "csv"
    IMAGEFOLDER = "imagefolder"
    RAFDB = "rafdb"
    AFFECTNET = "affectnet"
    EXPW = "expw"
    CK48 = "ck48"
    KDEF = "kdef"
    JAFFE = "jaffe"


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Options as the user gave them."""

    data: Annotated[
        str | Path | None,
        Option(
            metavar="PATH",
            help="Csv, archive, list or folder of labelled faces, or `sample`; docs/data.md shows "
            f"every form. {DATA_DEFAULT}",
        ),
    ] = None
    votes: Annotated[
        str | Path | None,
        Option(metavar="FILE", help="FER+ votes, if they are not beside the data."),
    ] = None
    format: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help=f"Form of the data: {', '.join(Format)}. Default: found by looking.",
        ),
    ] = None
    columns: Annotated[
        str | None,
        Option(
            metavar="ROLE=NAME,..",
            help="Columns of a csv: path, label, split and votes=A+B. Default: the usual names.",
        ),
    ] = None
    classes: Annotated[
        str | Path | None,
        Option(
            metavar="FILE", help="Csv with columns class, emotion: what unusual class names mean."
        ),
    ] = None
    ignore_classes: Annotated[
        str | None,
        Option(
            metavar="A,B", help="Leave the faces of these classes out; all: of all unknown ones."
        ),
    ] = None
    size: Annotated[
        int | None,
        Option(
            min=SMALLEST_SIDE,
            max=LARGEST_SIDE,
            help="Bring faces to this height and width. Default: the most frequent size.",
        ),
    ] = None
    crop: Annotated[
        str | None,
        Option(metavar="DETECTOR", help="Cut faces out of photographs: haar, blazeface, ..."),
    ] = None

    def given(self) -> list[str]:
        """The options that were given, as they are written: `--data`, `--ignore-classes`."""
        return [
            f"--{field.name.replace('_', '-')}"
            for field in fields(DataOptions)
            if getattr(self, field.name) is not None
        ]
