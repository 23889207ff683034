"""Columns of votes in a table of faces: one per class, with the number of annotators who chose it.

Any number of annotators, and not the same number for every face. Not here: how votes become labels
(`datasets/votes.py`) and the file of FER+ (`datasets/ferplus.py`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from datasets.base.errors import InputError
from datasets.emotion_names import emotion_of, plain_name
from datasets.fer2013 import short
from datasets.labels import FERPLUS8
from datasets.readers.classes import ClassNames
from datasets.readers.listing import Listed
from datasets.votes import VOTE_COLUMNS

_MOST = 255
_PLACE = {emotion_of(name): place for place, name in enumerate(FERPLUS8.classes)}
_OUTSIDE = {
    **dict.fromkeys(("unknown", "unsure", "uncertain", "other", "others", "none"), "unknown"),
    **dict.fromkeys(("nf", "noface", "nonface", "notaface", "notface"), "NF"),
}
"""Names, as by `plain_name`, of columns for votes that name no emotion."""


def vote_columns(header: Sequence[str], names: ClassNames) -> tuple[str, ...]:
    """Columns of a table whose names mean emotions, unknown or no face; empty for fewer than two.

    For tables without a column of labels.
    """
    emotions = {name for name in header if names.emotion(name) is not None}
    found = [name for name in header if name in emotions or plain_name(name) in _OUTSIDE]
    return tuple(found) if len(emotions) > 1 else ()


def check_others(rows: Sequence[Mapping[str, str]], counted: Sequence[str], table: Path) -> None:
    """Check that no other column may hold votes: their faces would get another label.

    Columns of zeros, and of row numbers, hold none.

    Args:
        rows: names and cells of the columns that are not counted, one mapping per row.
        counted: columns of votes that were found by their names.
        table: the table, for errors.

    Raises:
        InputError: a column holds counts only.
    """
    for name in rows[0] if rows else ():
        if not all(_is_count(row[name]) for row in rows):
            continue
        counts = [int(row[name]) for row in rows]
        numbers = len(rows) > 1 and counts == list(range(counts[0], counts[0] + len(rows)))
        if any(counts) and not numbers:
            raise InputError(
                f"{table}: expected columns of votes named after emotions, unknown or NF; found "
                f"counts in the column {short(name)} too. Say what it means with --classes "
                f"FILE.csv, or name the columns to count: --columns votes={'+'.join(counted)}."
            )


def counts_of(cells: Mapping[str, str], where: str) -> dict[str, int]:
    """Read the votes of one row.

    Args:
        cells: column names and cells.
        where: file and row, for errors.

    Raises:
        InputError: a cell is no count, or nobody voted.
    """
    for name, cell in cells.items():
        if not _is_count(cell):
            raise InputError(
                f"{where}: column {name}: expected how many annotators chose it (0 to {_MOST}), "
                f"found {short(cell)}. Votes are counts, not shares: correct or remove this row."
            )
    counts = {name: int(cell) for name, cell in cells.items()}
    if not any(counts.values()):
        raise InputError(
            f"{where}: expected a vote in one of the columns {', '.join(cells)}; found none. "
            "Correct or remove this row."
        )
    return counts


def _is_count(cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and len(cell) < _MOST and int(cell) <= _MOST


def votes_of(faces: Sequence[Listed], names: ClassNames) -> np.ndarray:
    """Votes of all faces, uint8 (N, 10), columns `VOTE_COLUMNS`; columns of one meaning are added.

    Args:
        faces: N faces with votes.
        names: what the names of classes mean.

    Raises:
        InputError: a column means no class of votes, or votes add up to more than 255.
    """
    places: dict[str, int] = {}
    votes = np.zeros((len(faces), len(VOTE_COLUMNS)), np.int64)
    for row, face in enumerate(faces):
        for name, count in face.votes.items():
            if name not in places:
                places[name] = _place(name, names, face.where)
            votes[row, places[name]] += count
        if votes[row].max() > _MOST:
            raise InputError(
                f"{face.where}: expected at most {_MOST} votes for an emotion, found "
                f"{votes[row].max()}. Correct or remove this row."
            )
    return votes.astype(np.uint8)


def _place(name: str, names: ClassNames, where: str) -> int:
    emotion = names.emotion(name)
    if emotion is not None:
        return _PLACE[emotion]
    if plain_name(name) in _OUTSIDE:
        return VOTE_COLUMNS.index(_OUTSIDE[plain_name(name)])
    raise InputError(
        f"{where}: expected columns of votes named after emotions, unknown or NF; found "
        f"{short(name)}. Say what it means with --classes FILE.csv, or leave it out of --columns "
        "votes=A+B."
    )
