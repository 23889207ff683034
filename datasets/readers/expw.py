"""List ExpW: `label.lst` and the photographs in `origin`, from which its boxes cut the faces.

A line of the list: image, number of the face, top, left, right and bottom of its box in pixels,
confidence of the box, label.

Source: Zhang, Luo, Loy and Tang, "From facial expression recognition to interpersonal relation
prediction", 2018.
"""

from collections.abc import Mapping
from pathlib import Path

from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.fer2013 import short
from datasets.readers.listing import (
    Frame,
    Listed,
    Listing,
    check_files,
    list_file,
    listed_lines,
    numbered_class,
    square_of,
)

_LIST = "label.lst"
_FOLDERS = ("", "label", "data/label")
_CLASSES = {
    0: "angry",
    1: "disgust",
    2: "fear",
    3: "happy",
    4: "sad",
    5: "surprise",
    6: "neutral",
}
_IMAGES = ("origin", "image/origin", "")
_CELLS = 8


def finds(path: Path) -> bool:
    """Whether a path is ExpW's list, or a folder with it."""
    return list_file(path, (_LIST,), _FOLDERS) is not None


def list_faces(path: Path, columns: Mapping[str, str]) -> Listing:
    """List all rows, one face each; all are of the split Test.

    Args:
        path: the list, or the folder that holds it, its `label` or `data/label`.
        columns: not used, as the list has no header.

    Raises:
        InputError: no list, a row of another form, a label that is not 0 to 6, a missing image.
    """
    del columns
    file = list_file(path, (_LIST,), _FOLDERS)
    if file is None:
        raise InputError(f"{path}: expected {_LIST} of ExpW, found none. Name its folder.")
    rows = [(where, _cells(line, where)) for where, line in listed_lines(file)]
    if not rows:
        raise InputError(f"{file}: expected one line per face, found none.")
    bases = [base / folder for base in (file.parent, file.parent.parent) for folder in _IMAGES]
    first = rows[0][1][0]
    folder = next((base for base in bases if (base / first).is_file()), bases[0])
    faces = [
        Listed(
            folder / cells[0],
            numbered_class(cells[-1], _CLASSES, where),
            Split.TEST,
            where,
            _frame(cells[2:6], where),
        )
        for where, cells in rows
    ]
    check_files(faces)
    return Listing("ExpW", faces)


def _cells(line: str, where: str) -> list[str]:
    cells = line.rsplit(maxsplit=_CELLS - 1)
    if len(cells) != _CELLS:
        raise InputError(
            f"{where}: expected {_CELLS} cells (image, face, top, left, right, bottom, confidence, "
            f"label), found {len(cells)} in {short(line)}."
        )
    return cells


def _frame(cells: list[str], where: str) -> Frame:
    try:
        top, left, right, bottom = map(float, cells)
    except ValueError:
        top = left = right = bottom = 0.0
    return square_of(left, top, right - left, bottom - top, where)
