"""Read faces from a csv, an archive or a folder: `open_source` reads all, `load` one split.

Not here: the file formats (`datasets/fer2013.py`, `datasets/ferplus.py`,
`datasets/archives.py`, `datasets/readers/`), and the cache (`datasets/base/cache.py`).
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from datasets.archives import CSV_NAMES, DAMAGED, VOTES_NAME, csv_stream
from datasets.base.cache import read_entry, write_entry
from datasets.base.errors import InputError
from datasets.base.progress import bar
from datasets.base.special_files import refuse_special_file
from datasets.data_options import Format
from datasets.faceset import FaceSet, Split
from datasets.fer2013 import SIDE, parse_csv
from datasets.ferplus import join_votes
from datasets.readers.formats import format_of
from datasets.readers.labelled_files import read_labelled_files
from datasets.readers.reading import AS_FOUND, Reading
from datasets.readers.split_folders import has_class_folders, split_folders
from datasets.sample.faces import WORD, read_sample
from datasets.source import Source

_ENDINGS = ("{}.csv", "{}.csv.xz", "{}.csv.gz", "{}.csv.zip", "{}.zip", "{}.tar.gz", "{}.tgz")
FILE_NAMES = tuple(end.format(Path(name).stem) for name in CSV_NAMES for end in _ENDINGS)
"""File names looked for in a folder; the first one found is read."""


def load(
    data: Path | str,
    split: Split | None,
    *,
    votes: Path | str | None = None,
    progress: bool = True,
) -> FaceSet:
    """Read one split (None: `Source.default_split`).

    For arguments and errors see `open_source` and `Source.faces`.
    """
    source = open_source(data, votes, progress=progress)
    return source.faces(split or source.default_split)


def open_source(
    data: Path | str,
    votes: Path | str | None = None,
    *,
    reading: Reading = AS_FOUND,
    progress: bool = True,
) -> Source:
    """Read all faces, with the splits as given in the files.

    Args:
        data: a csv of FER2013 (plain or in `.xz`, `.gz`, `.zip`, `.tar.gz`), a folder with such a
            file, a list or folder of images in a form of `datasets/readers/formats.py`, or the word
            `sample` for the embedded sample.
        votes: file of FER+ votes; by default `fer2013new.csv` next to the faces, if it exists.
        reading: form of the data, names of classes, size and crop of the images.
        progress: show a progress bar on standard error.

    Raises:
        InputError: anything is wrong with the files.
    """
    path = Path(data)
    if str(path) == WORD:
        _check_for_images(reading, "the embedded sample")
        return _from_sample(votes)
    votes_path = Path(votes) if votes is not None else _votes_next_to(path)
    try:
        return _open(path, votes_path, reading, progress)
    except DAMAGED as error:
        raise InputError(
            f"{path}: expected readable, complete data; found: {type(error).__name__}: {error}. "
            "The file is incomplete, damaged or unreadable: download it again."
        ) from error


def _open(path: Path, votes_path: Path | None, reading: Reading, progress: bool) -> Source:
    refuse_special_file(path, "a file or a folder, no special file")
    if not path.exists():
        raise InputError(
            f"{path}: expected a csv, an archive or a folder; found no such path. Correct it where "
            "it is named: --data, or $DEADPAN_DATA."
        )
    form = reading.form
    if form in (None, Format.FER2013):
        file = _csv_in(path, form) if path.is_dir() else path
        if form is None:
            form = Format.FER2013 if file and path.is_dir() else format_of(path)
        if file and form in (None, Format.FER2013):
            _check_for_images(reading, str(file))
            return _from_csv(file, votes_path, progress)
    if form in (None, Format.FER2013):
        found = ", ".join(sorted(entry.name for entry in path.iterdir())[:5]) or "nothing"
        raise InputError(
            f"{path}: expected {CSV_NAMES[0]} (plain or compressed), {CSV_NAMES[1]}, or folders "
            f"train, test, Training, PublicTest, PrivateTest, or another form (docs/data.md); "
            f"found {found}."
        )
    return _from_files(path, form, votes_path, reading, progress)


def _check_for_images(reading: Reading, what: str) -> None:
    """Refuse options for image files where the pixels are in a table."""
    for name, given in (
        ("--columns", reading.columns),
        ("--classes and --ignore-classes", reading.names.meant or reading.names.ignored),
        ("--size", reading.side),
        ("--crop", reading.find_face),
    ):
        if given:
            raise InputError(f"{name} is for image files; {what} holds pixels. Leave it out.")


def _from_sample(votes: Path | str | None) -> Source:
    if votes is not None:
        raise InputError(f"the embedded sample has its own votes; leave out --votes {votes}.")
    faces = read_sample()
    splits = np.full(len(faces), str(faces.split))
    return Source(faces.name, WORD, faces.images, faces.row_ids, splits, faces.fer, faces.votes)


def _csv_in(folder: Path, form: Format | None) -> Path | None:
    """Return the csv or archive of a folder, if any; say so if it holds several.

    Raises:
        InputError: the folder also holds images by split and class, and no form was named.
    """
    files = [folder / name for name in FILE_NAMES if (folder / name).is_file()]
    if not files:
        return None
    if form is None and has_class_folders(folder):
        found = ", ".join(path.name for path in split_folders(folder))
        raise InputError(
            f"{folder}: expected one source of faces, found {files[0].name} and the image folders "
            f"{found}. Pass --data {files[0]}, or move one of the two away."
        )
    if files[1:]:
        others = ", ".join(file.name for file in files[1:])
        print(f"{folder}: reading {files[0].name}, not {others}", file=sys.stderr)
    return files[0]


def _votes_next_to(path: Path) -> Path | None:
    votes = (path if path.is_dir() else path.parent) / VOTES_NAME
    return votes if votes.is_file() else None


def _from_csv(path: Path, votes_path: Path | None, progress: bool) -> Source:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        faces = read_entry(digest)
        if faces is None:
            file.seek(0)
            size = path.stat().st_size
            with bar(f"reading {path.name}", progress) as advance:
                stream, label = csv_stream(file, str(path))
                faces = parse_csv(stream, label, lambda: advance(file.tell(), size))
            write_entry(digest, faces)
    row_ids = np.arange(len(faces.fer), dtype=np.int64)
    votes = None if votes_path is None else join_votes(votes_path, row_ids, faces.splits, faces.fer)
    name = path.name.split(".")[0]
    return Source(name, str(path), faces.images, row_ids, faces.splits, faces.fer, votes)


def _from_files(
    path: Path, form: Format, votes_path: Path | None, reading: Reading, progress: bool
) -> Source:
    with bar(f"reading {path.name}", progress) as advance:
        faces = read_labelled_files(path, form, reading, advance)
    for note in faces.notes:
        print(f"{path}: {note}", file=sys.stderr)
    votes = faces.votes
    if votes_path is not None and faces.tagged:
        raise InputError(
            f"{path}: expected votes in one place, found columns of votes and {votes_path}. Move "
            "the file away."
        )
    if votes_path is not None:
        if not faces.numbered:
            raise InputError(
                f"{votes_path}: votes are joined by row, so image files must be named after their "
                f"row (17.png); in {path} they are not. Move the votes away or rename the images."
            )
        votes = join_votes(votes_path, faces.row_ids, faces.splits, faces.fer)
    return Source(
        faces.title,
        str(path),
        faces.images,
        faces.row_ids,
        faces.splits,
        faces.fer,
        votes,
        tagged=faces.tagged or votes is not faces.votes or votes is None,
        files=faces.files,
        notes=faces.notes,
        own_labels=votes_path is None and not _may_be_fer2013(form, faces.images),
    )


def _may_be_fer2013(form: Format, images: np.ndarray) -> bool:
    """Whether image files may be those of FER2013, which is often published as folders."""
    return form is Format.FOLDERS and images.shape[1:] == (SIDE, SIDE, 1)
