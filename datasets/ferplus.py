"""Read and write FER+ votes (`fer2013new.csv`): one row per FER2013 row, in the same order.

Its `Image name` column is not the row number and is not used. Not here: the label rules
(`datasets/votes.py`).
"""

import csv
from pathlib import Path

import numpy as np
from scipy.special import bdtr

from datasets.archives import DAMAGED, csv_stream
from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from datasets.base.percentages import in_percent
from datasets.base.special_files import refuse_special_file
from datasets.faceset import Split
from datasets.fer2013 import csv_rows, short
from datasets.labels import FER7
from datasets.votes import VOTE_COLUMNS, VoteRule, vote_labels

_VOTES = {str(count): count for count in range(256)}
_USAGE = "Usage"
_BLOCK = 500
_CONFIRMED = np.array([0.535, 0.400, 0.138, 0.933, 0.438, 0.841, 0.891])
"""Share of each FER class that the published votes confirm by majority, on 28,127 rows."""
_LENIENCE = 0.8
"""Votes of a harder selection of faces may confirm this part of the published shares."""
_LEAST_P_VALUE = 1e-3


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
    merged = (splits == Split.TEST) & np.isin(joined, (Split.PUBLIC_TEST, Split.PRIVATE_TEST))
    other = np.flatnonzero((joined != splits) & ~merged)
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
    """Refuse votes of other faces: below a lost row, every face has its neighbour's votes.

    Each block of about 500 rows with both labels is tested. The null hypothesis is that the votes
    belong to the faces: the number of rows on which both agree is then binomial, and its mean, from
    the FER labels of the block, is at least `_LENIENCE` of the published one. Votes are refused
    when so few agreements have a probability below `_LEAST_P_VALUE`. (A test against agreement by
    chance would refuse small samples of the right votes.)
    """
    if fer is None:
        return
    majority = vote_labels(votes, VoteRule.MAJORITY).to(FER7)
    both = np.flatnonzero(majority.present)
    for block in np.array_split(both, max(1, len(both) // _BLOCK)):
        agreed = int((majority.values[block] == fer[block]).sum())
        expected = float(_CONFIRMED[fer[block]].mean()) if len(block) else 0.0
        if bdtr(agreed, len(block), _LENIENCE * expected) < _LEAST_P_VALUE:
            raise InputError(
                f"{path}: rows {row_ids[block[0]]} to {row_ids[block[-1]]}: expected votes that "
                f"agree with about {in_percent(expected)} % of these FER labels, as published; "
                f"found {in_percent(agreed / len(block))} % of them ({agreed} of {len(block)}). "
                "Votes are joined by row: both files must keep all rows in order."
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
    refuse_special_file(path, "a file of FER+ votes")
    try:
        with open(path, "rb") as raw:
            stream, label = csv_stream(raw, str(path))
            for where, cells in csv_rows(stream, label, (_USAGE, *VOTE_COLUMNS)):
                for name, cell in zip(VOTE_COLUMNS, cells[1:], strict=True):
                    if cell not in _VOTES:
                        raise InputError(
                            f"{where}: column {name}: expected a count of votes from 0 to 255, "
                            f"found {short(cell)}. Correct it."
                        )
                votes.append([_VOTES[cell] for cell in cells[1:]])
                usage.append(cells[0])
    except DAMAGED as error:
        raise InputError(
            f"{path}: expected a readable file of FER+ votes, found: {error}."
        ) from error
    return np.array(votes, dtype=np.uint8), np.array(usage)
