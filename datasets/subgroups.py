"""Groups of faces from a table: one row per face, with columns such as age or lighting.

A subgroup is called `column:value`, `age:child`. An empty cell puts a face into no group.
"""

import csv
from pathlib import Path

import numpy as np

from datasets.archives import DAMAGED
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.fer2013 import check_commas, csv_rows, short
from datasets.readers.table import USUAL, header_of
from datasets.source import Source

_ROW = "row"
_RESERVED = "class"
_MOST_VALUES = 50


def read_subgroups(path: Path, source: Source, faces: FaceSet) -> np.ndarray:
    """Read the subgroups of faces.

    Args:
        path: csv with a column `row` (row ids) or of files, as for a csv of paths and labels, and
            one column per attribute.
        source: the data; the table may name faces of any split.
        faces: faces of the source; the table names each of them.

    Returns:
        Object (N,), a tuple of names for each face.

    Raises:
        InputError: the table is missing or has no attribute, or one without a name or with a colon
            in it; a row names no face of the data or one
            named before; a face has no row; an attribute has more than 50 values.
    """
    if path.exists() and not path.is_file():  # a pipe, which could be read only once
        raise InputError(f"--groups must be a csv file; got {path}, which is none. Name a file.")
    try:
        return _read(path, source, faces)
    except (csv.Error, *DAMAGED) as error:
        raise InputError(f"--groups must be a readable csv; got {path}: {error}.") from error


def _read(path: Path, source: Source, faces: FaceSet) -> np.ndarray:
    header = header_of(path)
    check_commas(header, str(path))
    keys = [name for name in header if name.lower() == _ROW or name.lower() in USUAL["path"]]
    attributes = [name for name in header if name not in keys]
    if len(keys) != 1 or not attributes or _RESERVED in attributes:
        raise InputError(
            f"{path}: header: expected one column 'row' or 'file' and others such as age, none of "
            f"them called {_RESERVED!r}; found {short(', '.join(header))}."
        )
    if unfit := [name for name in attributes if ":" in name or not name]:
        raise InputError(
            f"{path}: header: a group is called column:value, so a column needs a name without "
            f"':'; found {short(unfit[0])}. Rename it."
        )
    ids = source.row_ids.astype(str) if keys[0].lower() == _ROW else source.files
    if ids is None:
        raise InputError(
            f"{path}: expected a column 'row', as {source.path} has no image files; found "
            f"{keys[0]!r}."
        )
    known = dict(zip(ids.tolist(), source.row_ids.tolist(), strict=True))
    found: dict[int, tuple[str, ...]] = {}
    with open(path, "rb") as stream:
        for where, (key, *cells) in csv_rows(stream, str(path), (keys[0], *attributes)):
            row = known.get(key)
            if row is None:
                raise InputError(
                    f"{where}: expected a {keys[0]} of {source.path} (such as {ids[0]}), found "
                    f"{short(key)}. Correct or remove this row."
                )
            if row in found:
                raise InputError(f"{where}: {keys[0]} {short(key)} occurs twice. Keep one of them.")
            pairs = zip(attributes, cells, strict=True)
            found[row] = tuple(f"{name}:{value}" for name, value in pairs if value)
    _check(path, source, faces, found)
    groups = np.empty(len(faces), object)
    groups[:] = [found[row] for row in faces.row_ids.tolist()]
    return groups


def _check(path: Path, source: Source, faces: FaceSet, found: dict[int, tuple[str, ...]]) -> None:
    missing = [place for place, row in enumerate(faces.row_ids.tolist()) if row not in found]
    if missing:
        first = missing[0]
        name = f"row {faces.row_ids[first]}"
        name += "" if faces.files is None else f" ({faces.files[first]})"
        raise InputError(
            f"{path}: expected a row for each of the {len(faces):,} faces of {faces.split}; "
            f"{len(missing):,} have none, the first is {name} of {source.path}. Add them; "
            "cells may be empty."
        )
    values: dict[str, set[str]] = {}
    for names in found.values():
        for name in names:
            values.setdefault(name.partition(":")[0], set()).add(name)
    for attribute, different in values.items():
        if len(different) > _MOST_VALUES:
            raise InputError(
                f"{path}: column {attribute!r}: expected groups, at most {_MOST_VALUES} values; "
                f"found {len(different):,}. Leave the column out, or sum values up as ranges."
            )
