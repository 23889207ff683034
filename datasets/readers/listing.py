"""Listing: the labelled image files of a data set, before any image is opened.

Every reader of this package makes one. Not here: what the names of classes mean
(`datasets/readers/classes.py`) and the pixels (`datasets/readers/pictures.py`).
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os.path import isfile
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from datasets.base.errors import InputError
from datasets.emotion_names import EMOTION_OF
from datasets.faceset import Split
from datasets.fer2013 import short
from datasets.image_files import count_endings, is_image, may_be_ignored

SPLIT_OF = {
    "train": Split.TRAINING,
    "training": Split.TRAINING,
    "publictest": Split.PUBLIC_TEST,
    "validation": Split.PUBLIC_TEST,
    "valid": Split.PUBLIC_TEST,
    "val": Split.PUBLIC_TEST,
    "privatetest": Split.PRIVATE_TEST,
    "test": Split.TEST,
    "sample": Split.SAMPLE,
}
"""The split that a word in lower case means, in names of folders and in columns."""


class Frame(NamedTuple):
    """A square in an image, in pixels; it may reach outside, where the edge is repeated."""

    left: float
    top: float
    side: float


class Listed(NamedTuple):
    """One face.

    Attributes:
        path: the image file.
        name: the class, as the data set calls it.
        split: the part of the data that the face belongs to.
        where: file and row that name the face, for errors; empty where its folder does.
        frame: the square of the face in the image; None where the face fills the image.
        votes: how many annotators chose each class, by the data set's names; empty without votes.
    """

    path: Path
    name: str
    split: Split
    where: str = ""
    frame: Frame | None = None
    votes: Mapping[str, int] = MappingProxyType({})

    @property
    def place(self) -> str:
        """What to call the face in errors: file and row of the list, and the image file."""
        return f"{self.where}: {self.path}" if self.where else str(self.path)


@dataclass(frozen=True)
class Listing:
    """The labelled images of a data set, in its order.

    Attributes:
        title: name of the data set in reports.
        faces: the labelled images.
        declared: where each class is named, also those without images (empty folders).
        labelled: whether the faces have classes; False where they have votes only.
        by_file: whether row ids are the names of the files, where these are distinct numbers.
        notes: what the reader left out, one sentence each, for the log and the report.
    """

    title: str
    faces: Sequence[Listed]
    declared: Mapping[str, str] = field(default_factory=dict)
    labelled: bool = True
    by_file: bool = False
    notes: tuple[str, ...] = ()


def split_named(word: str, where: str, advice: str = "Correct it.") -> Split:
    """Return the split that a word means.

    Args:
        word: name of a split, in any case.
        where: file and row, for errors.
        advice: what to do about another word.

    Raises:
        InputError: it means none.
    """
    split = SPLIT_OF.get(word.strip().lower())
    if split is None:
        raise InputError(
            f"{where}: expected a split ({', '.join(SPLIT_OF)}), found {short(word)}. {advice}"
        )
    return split


def list_file(path: Path, names: Sequence[str], folders: Sequence[str]) -> Path | None:
    """The list that a path is, or that lies in one of these folders of it; None if there is none.

    Args:
        path: a file or a folder.
        names: names that the list may have.
        folders: where it may lie, relative to `path`; the first that holds one counts.
    """
    if path.is_file():
        return path if path.name in names else None
    places = [path / folder / name for folder in folders for name in names]
    return next((place for place in places if place.is_file()), None)


def listed_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield "file: row R (line L)" and each line of a text file that is not blank, stripped.

    Raises:
        InputError: text that is not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text, found {error}. Save it as UTF-8.") from None
    row = -1
    for number, line in enumerate(lines, start=1):
        if line.strip():
            row += 1
            yield f"{path}: row {row} (line {number})", line.strip()


def numbered_class(cell: str, names: Mapping[int, str], where: str) -> str:
    """Return the class of a number.

    Raises:
        InputError: no whole number, or none of the known ones.
    """
    numbers = {str(number): number for number in names}
    number = numbers.get(cell.lstrip("0") or "0") if cell else None
    if number is None:
        raise InputError(
            f"{where}: expected a label from {min(names)} to {max(names)}, found {short(cell)}. "
            "Correct or remove this row."
        )
    return names[number]


def square_of(left: float, top: float, width: float, height: float, where: str) -> Frame:
    """Return the square around a box with the same center and its longer side.

    Raises:
        InputError: the box is empty, or not finite.
    """
    side = max(width, height)
    if not (min(width, height) > 0 and side < float("inf")):
        raise InputError(
            f"{where}: expected a box with a width and a height above 0, found {width:g} by "
            f"{height:g}. Correct or remove this row."
        )
    return Frame(left + (width - side) / 2, top + (height - side) / 2, side)


def check_files(faces: Sequence[Listed]) -> None:
    """Refuse a list that names missing files or holds no face.

    Raises:
        InputError: names the first row and file, and how many are missing.
    """
    # `Path.is_file` fails on long names
    missing = [face for face in faces if not isfile(face.path)]
    if missing:
        path = short(str(missing[0].path), 300)
        raise InputError(
            f"{missing[0].where}: expected an image at {path}, found no such file; "
            f"{len(missing):,} of {len(faces):,} listed files are missing. Paths are relative to "
            "the list; correct or remove these rows."
        )


def images_below(folder: Path) -> list[Path]:
    """All images below a folder, sorted; hidden ones are left out, links to folders followed."""
    return [path for path in _files_below(folder) if is_image(path)]


def _files_below(folder: Path) -> list[Path]:
    """All files below a folder, sorted, without hidden ones and what is below hidden folders.

    Links to folders are followed, and a folder that several lead to is entered once.
    """
    found, entered = list[Path](), set[str]()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        found += [Path(place, name) for name in files if not _is_hidden(name)]
    return sorted(found)


def check_none_left(
    folder: Path, taken: set[Path], layout: str, within: Iterable[str] | None = None
) -> None:
    """Refuse files that are not read and are not known to hold no image.

    Args:
        folder: folder of the data set.
        taken: files that are read.
        layout: where images are expected, for the error.
        within: only files below a folder of such a name count; by default, of a split or class.

    Raises:
        InputError: names the first such file.
    """
    telling = set(within) if within is not None else {*SPLIT_OF, *EMOTION_OF}
    left = []
    for path in _files_below(folder):
        parts = path.relative_to(folder).parts
        of_faces = telling.intersection(part.lower() for part in parts[:-1])
        if of_faces and path not in taken and path.is_file() and not may_be_ignored(path):
            left.append(path)
    if left:  # those of a folder that a link leads to, too, are read under another name
        real = {path.resolve() for path in taken}
        left = [path for path in left if path.resolve() not in real]
    if left:
        raise InputError(
            f"{left[0]}: expected images {layout}; {len(left)} of the files "
            f"({count_endings(left)}) would be left out. Move, convert or remove them."
        )


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
