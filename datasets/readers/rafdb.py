"""List the basic expressions of RAF-DB: `list_patition_label.txt` and its aligned images.

A line of the list is `train_00001.jpg 5`; the image is `train_00001_aligned.jpg`.

Source: Li, Deng and Du, "Reliable crowdsourcing and deep locality-preserving learning for
expression recognition in the wild", 2017.
"""

from collections.abc import Mapping
from pathlib import Path

from datasets.base.errors import InputError
from datasets.fer2013 import short
from datasets.readers.listing import (
    Listed,
    Listing,
    check_files,
    list_file,
    listed_lines,
    numbered_class,
    split_named,
)

_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_FOLDERS = ("", "EmoLabel", "basic/EmoLabel")
_CLASSES = {
    1: "surprise",
    2: "fear",
    3: "disgust",
    4: "happiness",
    5: "sadness",
    6: "anger",
    7: "neutral",
}
_IMAGES = ("aligned", "Image/aligned", "", "Image", "images", "original", "Image/original")


def finds(path: Path) -> bool:
    """Whether a path is RAF-DB's list, or a folder with it."""
    return list_file(path, _LISTS, _FOLDERS) is not None


def list_faces(path: Path, columns: Mapping[str, str]) -> Listing:
    """List all rows; the names of the images say whether they are for training or test.

    Args:
        path: the list, or the folder that holds it, its `EmoLabel` or `basic/EmoLabel`.
        columns: not used, as the list has no header.

    Raises:
        InputError: no list, a row of another form, a label that is not 1 to 7, a missing image.
    """
    del columns
    file = list_file(path, _LISTS, _FOLDERS)
    if file is None:
        raise InputError(f"{path}: expected {_LISTS[0]} of RAF-DB, found none. Name its folder.")
    rows = [(where, *_cells(line, where)) for where, line in listed_lines(file)]
    if not rows:
        raise InputError(f"{file}: expected lines such as 'train_00001.jpg 5', found none.")
    folder, aligned = _layout(file, rows[0][1])
    faces = [
        Listed(
            folder / _named(name, aligned),
            numbered_class(label, _CLASSES, where),
            split_named(name.partition("_")[0], where),
            where,
        )
        for where, name, label in rows
    ]
    check_files(faces)
    return Listing("RAF-DB", faces)


def _cells(line: str, where: str) -> tuple[str, str]:
    cells = line.split()
    if len(cells) != 2:
        raise InputError(
            f"{where}: expected a file name and a label, such as 'train_00001.jpg 5'; found "
            f"{short(line)}."
        )
    return cells[0], cells[1]


def _layout(file: Path, first: str) -> tuple[Path, bool]:
    """The folder of the images, next to the list or beside its folder, and whether aligned."""
    bases = [base / folder for base in (file.parent, file.parent.parent) for folder in _IMAGES]
    tries = [(base, aligned) for base in bases for aligned in (True, False)]
    found = [
        (base, aligned) for base, aligned in tries if (base / _named(first, aligned)).is_file()
    ]
    return (found or tries)[0]


def _named(name: str, aligned: bool) -> str:
    stem, dot, ending = name.rpartition(".")
    return f"{stem}_aligned{dot}{ending}" if aligned else name
