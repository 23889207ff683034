"""The forms of data that are read, by name: to add one, write its file and an entry here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from datasets.base.errors import InputError
from datasets.data_options import Format
from datasets.emotion_names import emotion_of
from datasets.readers import (
    affectnet,
    ck48,
    expw,
    imagefolder,
    jaffe,
    kdef,
    rafdb,
    split_folders,
    table,
)
from datasets.readers.classes import ClassNames
from datasets.readers.listing import Listing


class Reader(NamedTuple):
    """How a form of data is recognised and listed.

    Attributes:
        finds: whether a path has this form.
        list_faces: lists the faces of a path, with names of columns by role.
    """

    finds: Callable[[Path], bool]
    list_faces: Callable[[Path, Mapping[str, str]], Listing]


READERS: dict[Format, Reader] = {
    Format.RAFDB: Reader(rafdb.finds, rafdb.list_faces),
    Format.AFFECTNET: Reader(affectnet.finds, affectnet.list_faces),
    Format.EXPW: Reader(expw.finds, expw.list_faces),
    Format.IMAGEFOLDER: Reader(imagefolder.finds, imagefolder.list_faces),
    Format.FOLDERS: Reader(split_folders.finds, split_folders.list_faces),
    Format.CSV: Reader(table.finds, table.list_faces),
    Format.CK48: Reader(ck48.finds, ck48.list_faces),
    Format.KDEF: Reader(kdef.finds, kdef.list_faces),
    Format.JAFFE: Reader(jaffe.finds, jaffe.list_faces),
}
"""All forms but that of FER2013, whose csv holds the pixels (`datasets/fer2013.py`)."""

_BY_FILE_NAME = (Format.KDEF, Format.JAFFE)
"""Looked for last: they read the names of all files."""

_FOLDERS = (Format.FOLDERS, Format.CK48)
"""Folders of images alone, without a list that the path could be."""

_WITH_COLUMNS = {Format.CSV: table.list_faces, Format.IMAGEFOLDER: imagefolder.list_faces}
"""Forms with a table, whose columns may be named after classes."""


def format_of(path: Path) -> Format | None:
    """Return the form of a path; None if it has none of `READERS`.

    Raises:
        InputError: it has several.
    """
    early = [name for name in READERS if name not in _BY_FILE_NAME]
    found = [name for name in early if READERS[name].finds(path)]
    if Format.AFFECTNET in found and Format.CSV in found:  # whose columns are a special case
        found.remove(Format.CSV)
    both = {Format.IMAGEFOLDER, Format.FOLDERS} <= set(found)
    if both and (not split_folders.has_class_folders(path) or _same_labels(path)):
        found.remove(Format.FOLDERS)  # the metadata have the labels, and the exact split
    found = found or [name for name in _BY_FILE_NAME if READERS[name].finds(path)]
    if len(found) > 1:
        raise InputError(
            f"{path}: expected one form of data, found {' and '.join(found)}. Choose with --format."
        )
    return found[0] if found else None


def _same_labels(path: Path) -> bool:
    """Whether the metadata of a folder name the emotion that the class folders name, for all."""
    try:
        of_metadata, of_folders = (
            {face.path.resolve(): emotion_of(face.name) for face in list_of(path, {}).faces}
            for list_of in (imagefolder.list_faces, split_folders.list_faces)
        )
    except InputError:  # one of the two is incomplete: which is meant?
        return False
    return of_metadata == of_folders and None not in of_folders.values()


def list_faces(path: Path, form: Format, columns: Mapping[str, str], names: ClassNames) -> Listing:
    """List the faces of a path in a form of `READERS`.

    Args:
        path: file or folder of the data.
        form: its form.
        columns: names of columns by role, for those that the user named.
        names: what the names of classes mean.

    Raises:
        InputError: see the readers; columns for a form without a table, or a file for a folder.
    """
    if form in _FOLDERS and not path.is_dir():
        raise InputError(
            f"--format {form} reads a folder; {path} is a file. Name the folder, or leave --format "
            "out."
        )
    if form in _WITH_COLUMNS:
        return _WITH_COLUMNS[form](path, columns, names)
    if columns:
        raise InputError(
            f"--columns is for {' and '.join(_WITH_COLUMNS)}; {path} is read as {form}. "
            "Leave it out, or choose with --format."
        )
    return READERS[form].list_faces(path, columns)
