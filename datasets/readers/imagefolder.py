"""List a Hugging Face `imagefolder`: images with `metadata.csv` beside them.

`metadata.csv` lies in the folder or in one folder per split (`train/metadata.csv`), with a column
`file_name`, relative to itself, and one for the label.
"""

from collections.abc import Mapping
from pathlib import Path

from datasets.base.errors import InputError
from datasets.image_files import count_endings
from datasets.readers.classes import USUAL_NAMES, ClassNames
from datasets.readers.listing import Listing, check_files, images_below
from datasets.readers.split_folders import split_folders
from datasets.readers.table import header_of, rows_of

_TABLE = "metadata.csv"
_ROOTS = ("", "data")


def _tables(path: Path) -> list[Path]:
    """The metadata of a folder, or of each of its splits."""
    for root in [path / name for name in _ROOTS]:
        if not root.is_dir():
            continue
        places = [root, *split_folders(root)]
        if found := [place / _TABLE for place in places if (place / _TABLE).is_file()]:
            return found
    return []


def _named(table: Path) -> dict[str, str]:
    """The column of paths that Hugging Face prescribes, if it is there, whatever others are."""
    return {"path": "file_name"} if "file_name" in header_of(table) else {}


def finds(path: Path) -> bool:
    """Whether a path is a folder with `metadata.csv` in it or in its splits."""
    return path.is_dir() and bool(_tables(path))


def list_faces(path: Path, columns: Mapping[str, str], names: ClassNames = USUAL_NAMES) -> Listing:
    """List all rows.

    The split is that of the column, else of the folder that holds the metadata, else of a folder in
    the path, else Test.

    Args:
        path: the folder.
        columns: names of columns by role, for those that the user named.
        names: what the names of classes mean.

    Raises:
        InputError: no metadata, see `rows_of`, a missing image, or one without a row, which Hugging
            Face refuses too.
    """
    tables = _tables(path) if path.is_dir() else []
    if not tables:
        raise InputError(f"{path}: expected {_TABLE} in it or in train/, test/; found none.")
    splits = split_folders(path) | (
        split_folders(path / "data") if (path / "data").is_dir() else {}
    )
    read = [
        rows_of(table, {**_named(table), **columns}, splits.get(table.parent), names)
        for table in tables
    ]
    faces = [face for rows in read for face in rows.faces]
    check_files(faces)
    taken = {face.path.resolve() for face in faces}
    left = [image for image in images_below(path) if image.resolve() not in taken]
    if left:
        raise InputError(
            f"{left[0]}: expected a row in {_TABLE} for every image; {len(left):,} images "
            f"({count_endings(left)}) have none. Add their rows, or move the images away."
        )
    labelled = {rows.labelled for rows in read}
    if len(labelled) > 1:
        raise InputError(
            f"{path}: expected a column for the label in each {_TABLE}, or in none; found both."
        )
    return Listing(path.resolve().name, faces, labelled=labelled.pop())
