"""Read a data set of image files: list them, name their emotions, read their pixels."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.base.errors import InputError
from datasets.data_options import Format
from datasets.labels import FER7, FERPLUS8, translate
from datasets.readers.classes import emotions_of
from datasets.readers.formats import list_faces
from datasets.readers.listing import Listed, Listing
from datasets.readers.pictures import read_pictures
from datasets.readers.reading import Reading
from datasets.readers.vote_columns import votes_of
from datasets.votes import VOTE_COLUMNS

_CONTEMPT = "contempt"
_UNANIMOUS = 10
_UNUSED = "labels not used, as they have contempt: faces are labelled by their votes"


class LabelledFiles(NamedTuple):
    """Every labelled image of a data set, in the order of the row ids.

    Attributes:
        title: name of the data set in reports.
        images: uint8 (N, H, W, C), C = 1 (grey) or 3 (RGB).
        row_ids: int64 (N,): file names if these are distinct numbers, else rows of the list.
        numbered: whether the row ids are the file names.
        splits: str (N,), values of `Split`.
        fer: int64 (N,) FER labels, or None if the data have `contempt` or votes only.
        votes: uint8 (N, 10) of annotators; if the data have `contempt` and no votes, ten for the
            class of a face; else None.
        tagged: whether annotators gave the votes.
        files: str (N,), paths relative to the data.
        notes: what was left out or changed, one sentence each.
    """

    title: str
    images: np.ndarray
    row_ids: np.ndarray
    numbered: bool
    splits: np.ndarray
    fer: np.ndarray | None
    votes: np.ndarray | None
    tagged: bool
    files: np.ndarray
    notes: tuple[str, ...]


def read_labelled_files(
    path: Path, form: Format, reading: Reading, advance: Callable[[int, int], object]
) -> LabelledFiles:
    """Read all images of a data set.

    Args:
        path: file or folder of the data.
        form: its form.
        reading: how it is read.
        advance: called every 256 images with the images read and the total.

    Raises:
        InputError: see the readers, `emotions_of` and `read_pictures`; no face is left, or the name
            of a file is no text.
    """
    listing = list_faces(path, form, dict(reading.columns), reading.names)
    _require_text(listing.faces)
    found, left_out = _emotions(listing, reading)
    row_ids, numbered = _row_ids(listing)
    order = [row for row in np.argsort(row_ids, kind="stable") if found[row] is not None]
    if not order:
        raise InputError(f"{path}: expected faces of some emotion, found none but {left_out[0]}.")
    faces = [listing.faces[row] for row in order]
    if reading.find_face and any(face.frame for face in faces):
        raise InputError(
            f"--crop is for photographs without boxes; {listing.title} names the box of each face. "
            "Leave it out."
        )
    pictures = read_pictures(faces, reading.side, reading.find_face, advance)
    rows = np.array(order)[pictures.kept]
    emotions = [found[row] or "" for row in rows]
    in_ferplus = _CONTEMPT in {
        reading.names.emotion(name)
        for name in (*listing.declared, *emotions)
        if not reading.names.ignores(name)
    }
    kept = [listing.faces[row] for row in rows]
    tagged = any(face.votes for face in kept)
    votes = votes_of(kept, reading.names) if tagged else None
    if votes is None and in_ferplus:
        votes = _unanimous_votes(emotions)
    has_fer = listing.labelled and not in_ferplus
    unused = listing.labelled and in_ferplus and tagged
    return LabelledFiles(
        listing.title,
        pictures.images,
        row_ids[rows],
        numbered,
        np.array([str(face.split) for face in kept]),
        np.array([FER7.classes.index(e) for e in emotions], np.int64) if has_fer else None,
        votes,
        tagged,
        _names(kept, path if path.is_dir() else path.parent),
        (*listing.notes, *left_out, *pictures.notes, *([_UNUSED] if unused else [])),
    )


def _require_text(faces: Sequence[Listed]) -> None:
    """Refuse file names that are not UTF-8, as older archives have them: no table can hold them."""
    for face in faces:
        try:
            str(face.path).encode()
        except UnicodeEncodeError:
            raise InputError(
                f"{str(face.path)!a}: expected a file name in UTF-8, found other bytes. Rename it."
            ) from None


def _emotions(listing: Listing, reading: Reading) -> tuple[list[str | None], tuple[str, ...]]:
    """Emotion of each face and what was left out; empty names where the data have votes only."""
    if listing.labelled:
        return emotions_of(listing, reading.names)
    if reading.names.ignored:
        raise InputError(
            f"--ignore-classes is for labels; {listing.title} has votes only. Name the columns to "
            "count with --columns votes=A+B."
        )
    return [""] * len(listing.faces), ()


def _row_ids(listing: Listing) -> tuple[np.ndarray, bool]:
    stems = [face.path.stem for face in listing.faces]
    if listing.by_file and all(s.isascii() and s.isdigit() and len(s) < 19 for s in stems):
        numbers = np.array([int(stem) for stem in stems], dtype=np.int64)
        if len(np.unique(numbers)) == len(numbers):
            return numbers, True
    return np.arange(len(stems), dtype=np.int64), False


def _names(faces: Sequence[Listed], folder: Path) -> np.ndarray:
    paths = [face.path for face in faces]
    return np.array(
        [str(p.relative_to(folder).as_posix() if p.is_relative_to(folder) else p) for p in paths]
    )


def _unanimous_votes(names: Sequence[str]) -> np.ndarray:
    known = dict(zip(FER7.classes, range(FER7.num_classes), strict=True))
    fer = np.array([known.get(name, -1) for name in names], dtype=np.int64)
    column = translate(fer, FER7, FERPLUS8)
    column[[name == _CONTEMPT for name in names]] = FERPLUS8.classes.index(_CONTEMPT)
    votes = np.zeros((len(names), len(VOTE_COLUMNS)), dtype=np.uint8)
    votes[np.arange(len(names)), column] = _UNANIMOUS
    return votes
