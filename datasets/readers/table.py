"""List a csv of paths and labels; columns have the usual names or are named with `--columns`.

Paths are relative to the csv. Faces without a column of splits are of the split Test. A table may
have votes of annotators, beside the label or in place of it (`datasets/readers/vote_columns.py`).
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.fer2013 import COLUMNS, check_commas, csv_rows, short
from datasets.readers.classes import USUAL_NAMES, ClassNames
from datasets.readers.listing import SPLIT_OF, Listed, Listing, check_files, split_named
from datasets.readers.vote_columns import check_others, counts_of, vote_columns

USUAL: dict[str, tuple[str, ...]] = {
    "path": (
        *("file_name", "filename", "file", "path", "filepath", "file_path"),
        *("image", "image_path", "image_name", "img", "img_path", "pth"),
    ),
    "label": (
        *("label", "labels", "emotion", "expression", "class", "class_name", "label_name"),
        *("emotion_label", "expression_label", "target"),
    ),
    "split": ("split", "usage", "subset", "partition", "fold"),
    "votes": (),
}
"""Names of columns, in lower case, that are recognised for each role; votes are columns joined by
`+`, or those that mean emotions in a table without a label."""


class Columns:
    """The columns of a table by role; `split` may be missing, and `label` where there are votes.

    `others` are those that may hold votes too, where votes were found by the names of columns.
    """

    def __init__(
        self, header: Sequence[str], given: Mapping[str, str], names: ClassNames, table: Path
    ) -> None:
        """Choose columns.

        Args:
            header: names in the table.
            given: names by role, as the user gave them.
            names: what the names of classes mean.
            table: the table, for errors.

        Raises:
            InputError: a given name is not in the header, or no or several columns fit a role.
        """
        for role, name in given.items():
            for part in name.split("+") if role == "votes" else [name]:
                if part not in header:
                    raise InputError(
                        f"{table}: --columns {role}={part}: expected a column of that name, found "
                        f"{short(', '.join(header))}."
                    )
        self.path = given.get("path") or _usual("path", header, table)
        named = tuple(given["votes"].split("+")) if "votes" in given else ()
        votes = named or vote_columns(header, names)
        self.label = given.get("label") or _usual("label", header, table, optional=bool(votes))
        self.votes = votes if named or not self.label else ()
        self.split = given.get("split") or _usual("split", header, table, optional=True)
        used = (self.path, self.split, *self.votes)
        self.others = tuple(
            name
            for name in header
            if self.votes and not named and name not in used and header.count(name) == 1
        )


def _usual(role: str, header: Sequence[str], table: Path, *, optional: bool = False) -> str:
    found = [name for name in header if name.lower() in USUAL[role]]
    if len(found) == 1 or (optional and not found):
        return found[0] if found else ""
    what = ", ".join(found) if found else f"none in {short(', '.join(header))}"
    raise InputError(
        f"{table}: expected one column for the {role} ({', '.join(USUAL[role][:4])}, ...), found "
        f"{what}. Name it: --columns {role}=NAME."
    )


def header_of(table: Path) -> list[str]:
    """The names in the first line of a csv.

    Raises:
        InputError: the line is no csv.
    """
    with open(table, encoding="utf-8-sig", errors="replace", newline="") as lines:
        try:
            return [name.strip() for name in next(csv.reader([lines.readline()]), [])]
        except csv.Error as error:
            raise InputError(
                f"{table}: header: expected csv, found: {error}. Save it as csv again."
            ) from error


def finds(path: Path) -> bool:
    """Whether a path is a csv of paths: with a column for them, and not of the form of FER2013."""
    if not (path.is_file() and path.suffix.lower() == ".csv"):
        return False
    header = header_of(path)
    return COLUMNS[1] not in header and any(name.lower() in USUAL["path"] for name in header)


class Rows(NamedTuple):
    """The faces of a table, and whether it has a column of labels."""

    faces: list[Listed]
    labelled: bool


def rows_of(
    table: Path,
    columns: Mapping[str, str],
    default: Split | None,
    names: ClassNames = USUAL_NAMES,
) -> Rows:
    """Read all rows of a table, without looking for the images.

    Args:
        table: csv with a header.
        columns: names of columns by role, for those that the user named.
        default: split of all faces of a table without such a column; None: that of the folder in
            the path, else Test.
        names: what the names of classes mean.

    Raises:
        InputError: see `Columns`, `csv_rows`, `counts_of` and `check_others`; an empty path or an
            unknown split.
    """
    header = header_of(table)
    check_commas(header, str(table))
    chosen = Columns(header, columns, names, table)
    used = [chosen.path, *filter(None, (chosen.label, chosen.split)), *chosen.votes]
    wanted = [*used, *chosen.others]
    faces, others = [], []
    with open(table, "rb") as stream:
        for where, found in csv_rows(stream, str(table), tuple(wanted)):
            cells = dict(zip(wanted, found, strict=True))
            if not (name := cells[chosen.path]):
                raise InputError(f"{where}: expected a path, found an empty cell. Fill it in.")
            part = default or _split_of_path(name)
            if chosen.split:
                advice = f"Correct it, or rename the column {chosen.split} if it names no splits."
                part = split_named(cells[chosen.split], where, advice)
            votes = {column: cells[column] for column in chosen.votes}
            others.append({column: cells[column] for column in chosen.others})
            faces.append(
                Listed(
                    table.parent / name,
                    cells[chosen.label] if chosen.label else "",
                    part,
                    where,
                    votes=counts_of(votes, where) if votes else {},
                )
            )
    check_others(others, chosen.votes, table)
    return Rows(faces, bool(chosen.label))


def _split_of_path(name: str) -> Split:
    for part in Path(name).parts[:-1]:
        if found := SPLIT_OF.get(part.lower()):
            return found
    return Split.TEST


def list_faces(path: Path, columns: Mapping[str, str], names: ClassNames = USUAL_NAMES) -> Listing:
    """List all rows of a csv.

    Args:
        path: the csv.
        columns: names of columns by role, for those that the user named.
        names: what the names of classes mean.

    Raises:
        InputError: see `rows_of`; a missing image.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a csv of paths and labels, found a folder. Name it.")
    faces, labelled = rows_of(path, columns, Split.TEST, names)
    check_files(faces)
    return Listing(path.name.split(".")[0], faces, labelled=labelled)
