"""List AffectNet in both published layouts.

- csv: `training.csv`, `validation.csv` with the columns subDirectory_filePath, face_x, face_y,
  face_width, face_height and expression, and the photographs beside them or in
  `Manually_Annotated_Images`. The boxes cut the faces.
- files: `train_set/images/0.jpg` and `train_set/annotations/0_exp.npy`, likewise `val_set`.

Source: Mollahosseini, Hasani and Mahoor, "AffectNet: a database for facial expression, valence,
and arousal computing in the wild", 2019.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from datasets.base.errors import DAMAGED_ARRAYS, InputError, words_of
from datasets.faceset import Split
from datasets.fer2013 import csv_rows
from datasets.image_files import is_image
from datasets.readers.listing import (
    SPLIT_OF,
    Frame,
    Listed,
    Listing,
    check_files,
    numbered_class,
    square_of,
)
from datasets.readers.table import header_of

_CLASSES = {
    0: "neutral",
    1: "happy",
    2: "sad",
    3: "surprise",
    4: "fear",
    5: "disgust",
    6: "anger",
    7: "contempt",
    8: "none",
    9: "uncertain",
    10: "no-face",
}
_PATH, _LABEL = "subDirectory_filePath", "expression"
_BOX = ("face_x", "face_y", "face_width", "face_height")
_CSVS = ("training.csv", "validation.csv")
_IMAGES = ("", "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")
_ENDING = "_exp.npy"
_SETS = ("train_set", "val_set", "test_set")


def _csvs(path: Path) -> list[Path]:
    """The csv files of a path that have AffectNet's columns."""
    files = [path / name for name in _CSVS] if path.is_dir() else [path]
    return [
        file
        for file in files
        if file.is_file() and file.suffix == ".csv" and {_PATH, _LABEL} <= set(header_of(file))
    ]


def _sets(path: Path) -> list[Path]:
    """The folders with `images` and `annotations`."""
    places = [path, *(path / name for name in _SETS)]
    return [
        place
        for place in places
        if (place / "images").is_dir() and any((place / "annotations").glob(f"*{_ENDING}"))
    ]


def finds(path: Path) -> bool:
    """Whether a path is one of the csv files, or holds one, or holds `annotations/*_exp.npy`."""
    return bool(_csvs(path) or (path.is_dir() and _sets(path)))


def list_faces(path: Path, columns: Mapping[str, str]) -> Listing:
    """List all rows, or all images with an annotation.

    Args:
        path: a csv, its folder, or the folder of `train_set` and `val_set`.
        columns: not used, as the columns are AffectNet's.

    Raises:
        InputError: neither layout, a label that is not 0 to 10, a missing image or annotation.
    """
    del columns
    if csvs := _csvs(path):
        faces = [face for file in csvs for face in _rows(file)]
        check_files(faces)
    else:
        faces = [face for place in (_sets(path) if path.is_dir() else []) for face in _files(place)]
    if not faces:
        raise InputError(
            f"{path}: expected {' or '.join(_CSVS)} of AffectNet, or images/ beside annotations/ "
            f"with *{_ENDING}; found neither. Name their folder."
        )
    return Listing("AffectNet", faces)


def _rows(file: Path) -> Iterator[Listed]:
    names = header_of(file)
    boxed = set(_BOX) <= set(names)
    with open(file, "rb") as stream:
        rows = list(csv_rows(stream, str(file), (_PATH, _LABEL, *(_BOX if boxed else ()))))
    bases = [file.parent / folder for folder in _IMAGES]
    first = rows[0][1][0]
    base = next((base for base in bases if (base / first).is_file()), bases[0])
    for where, (name, label, *box) in rows:
        frame = _frame(box, where) if boxed else None
        yield Listed(
            base / name, numbered_class(label, _CLASSES, where), _split(file.stem), where, frame
        )


def _frame(cells: list[str], where: str) -> Frame:
    try:
        left, top, width, height = map(float, cells)
    except ValueError:
        left = top = width = height = 0.0
    return square_of(left, top, width, height, where)


def _split(name: str) -> Split:
    """The split that begins the name of a file or folder, else Test."""
    lower = name.lower().partition("_")[0]
    return SPLIT_OF.get(lower, Split.TEST)


def _files(place: Path) -> Iterator[Listed]:
    annotations = place / "annotations"
    for image in sorted((place / "images").iterdir()):
        if is_image(image):
            label = annotations / f"{image.stem}{_ENDING}"
            name = numbered_class(_value(label, image), _CLASSES, str(label))
            yield Listed(image, name, _split(place.name), str(label))


def _value(label: Path, image: Path) -> str:
    """The number in an annotation, which is stored as text or as a number."""
    try:
        stored = np.load(label, allow_pickle=False)
        return str(stored.item()).strip()
    except FileNotFoundError:
        raise InputError(
            f"{image}: expected its label in {label}, found no such file. Add it, or move the "
            "image away."
        ) from None
    except DAMAGED_ARRAYS as error:
        raise InputError(
            f"{label}: expected one number, found: {words_of(error)}. Copy it again."
        ) from error
