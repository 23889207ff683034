"""Read and write FER+ votes (`fer2013new.csv`): one row per FER2013 row, in the same order.

Its `Image name` column is not the row number and is not used. Not here: the label rules
(`datasets/votes.py`).
"""

import csv
from pathlib import Path

import numpy as np

from datasets.archives import DAMAGED, csv_stream
from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.fer2013 import csv_rows, short
from datasets.labels import FER7
from datasets.votes import VOTE_COLUMNS, VoteRule, vote_labels

_VOTES = {str(count): count for count in range(256)}
_USAGE = "Usage"
_BLOCK = 500
_LEAST_AGREEMENT = 0.35
"""In each block of rows with both labels, of which there must be a hundred. Votes of another face
agree by chance, with about a fifth of the labels."""


def join_votes(
    path: Path, row_ids: np.ndarray, splits: np.ndarray, fer: np.ndarray | None = None
) -> np.ndarray:
    """Read the votes of the given rows.

    Args:
        path: the votes file, plain or compressed; it may be longer than needed.
        row_ids: int64 (N,) row numbers in the FER2013 file.
        splits: str (N,) splits of those rows; the file must have the same ones.
        fer: int64 (N,) FER labels of those rows, if any: most votes must agree with them.

    Returns:
        uint8 (N, 10), columns `VOTE_COLUMNS`.

    Raises:
        InputError: the file is missing, damaged, shorter than the faces, has a wrong cell, or
            belongs to other rows or faces.
    """
    votes, usage = _read(path)
    last = int(row_ids.max(initial=-1))
    if last >= len(votes):
        raise InputError(
            f"{path}: expected votes for at least {last + 1:,} rows, one per face in the same "
            f"order; found {len(votes):,}. Pass the complete file with --votes."
        )
    joined = usage[row_ids]
    other = np.flatnonzero((joined != splits) & (splits != Split.TEST))
    if len(other):
        row = row_ids[other[0]]
        raise InputError(
            f"{path}: row {row}: expected Usage {splits[other[0]]}, as the face of row {row} has; "
            f"found {joined[other[0]]}. "
            "Votes are joined by row: both files must keep all rows in order."
        )
    _check_agreement(path, votes[row_ids], row_ids, fer)
    return votes[row_ids]


def _check_agreement(
    path: Path, votes: np.ndarray, row_ids: np.ndarray, fer: np.ndarray | None
) -> None:
    """Refuse votes of other faces: below a lost row, every face has its neighbour's votes."""
    majority = vote_labels(votes, VoteRule.MAJORITY).to(FER7)
    both = np.flatnonzero(majority.present & (fer is not None))
    if len(both) < _BLOCK // 5:
        return
    for block in np.array_split(both, max(1, len(both) // _BLOCK)):
        share = float((majority.values[block] == np.asarray(fer)[block]).mean())
        if share < _LEAST_AGREEMENT:
            raise InputError(
                f"{path}: rows {row_ids[block[0]]} to {row_ids[block[-1]]}: expected votes that "
                f"agree with most FER labels (65 to 90 % as published), found {100 * share:.0f} % "
                "of them. Votes are joined by row: both files must keep all rows in order."
            )


def write_votes(votes: np.ndarray, splits: np.ndarray, path: Path) -> None:
    """Write votes uint8 (N, 10) and splits str (N,) in the format of fer2013new.csv, atomically."""
    with atomic(path) as unfinished, open(unfinished, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((_USAGE, "Image name", *VOTE_COLUMNS))
        for row, counts in enumerate(votes.tolist()):
            writer.writerow((splits[row], f"fer{row:07d}.png", *counts))


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the votes uint8 (M, 10) and Usage str (M,) of a file."""
    votes: list[list[int]] = []
    usage: list[str] = []
    try:
        with open(path, "rb") as raw:
            stream, label = csv_stream(raw, str(path))
            for where, cells in csv_rows(stream, label, (_USAGE, *VOTE_COLUMNS)):
                for name, cell in zip(VOTE_COLUMNS, cells[1:], strict=True):
                    if cell not in _VOTES:
                        raise InputError(
                            f"{where}: column {name}: expected a count of votes (0, 1, 2, ..), "
                            f"found {short(cell)}."
                        )
                votes.append([_VOTES[cell] for cell in cells[1:]])
                usage.append(cells[0])
    except DAMAGED as error:
        raise InputError(
            f"{path}: expected a readable file of FER+ votes, found: {error}."
        ) from error
    return np.array(votes, dtype=np.uint8), np.array(usage)
