"""Read and write `faces.npz`, the generated faces with their FER labels and simulated FER+ votes.

    pixels  uint8 (N, 48, 48)
    labels  uint8 (N,)     sorted by class in the order of `FER7`, the same number of each
    votes   uint8 (N, 10)  columns `VOTE_COLUMNS`, ten votes per row

Not here: how the faces are made (`fer_models/generator/`).
"""

import io
from pathlib import Path

import numpy as np

from datasets.base.atomic import atomic
from datasets.base.errors import DAMAGED_ARRAYS, InputError
from datasets.faceset import FaceSet, Split
from datasets.fer2013 import SIDE
from datasets.labels import FER7
from datasets.published import KAGGLE_PAGE, VOTES_PAGE
from datasets.votes import VOTE_COLUMNS

FILE = Path(__file__).with_name("faces.npz")
NAME = "generated sample"
WORD = "sample"
"""Word that names the sample where a command expects a path."""

HOW_TO_GET_FER2013 = (
    "For real figures run python -m datasets.fetch, or download fer2013.csv from "
    f"{KAGGLE_PAGE} and fer2013new.csv from {VOTES_PAGE} into ./data."
)
NOTICE = (
    "This run used generated faces of people who do not exist, with simulated votes: it shows how "
    "Deadpan works, and its figures say nothing about accuracy on real faces. " + HOW_TO_GET_FER2013
)
"""First sentence in the report of a run on the sample."""

_VOTES_PER_FACE = 10


def write_sample(path: Path, pixels: np.ndarray, labels: np.ndarray, votes: np.ndarray) -> None:
    """Write the sample, atomically; equal arrays give equal bytes.

    Args:
        path: file to write.
        pixels: uint8 (N, 48, 48).
        labels: integer (N,) FER labels, sorted by class, the same number of each.
        votes: integer (N, 10), columns `VOTE_COLUMNS`, each row summing to 10.

    Raises:
        ValueError: an array breaks one of these rules.
    """
    if problem := _problem(pixels, labels, votes):
        raise ValueError(f"a sample must hold {problem}")
    content = io.BytesIO()
    np.savez_compressed(
        content, pixels=pixels, labels=labels.astype(np.uint8), votes=votes.astype(np.uint8)
    )
    with atomic(path) as unfinished:
        unfinished.write_bytes(content.getvalue())


def read_sample(path: Path | None = None) -> FaceSet:
    """Read the embedded sample, or one at `path`: split `Sample`, row ids 0 to N - 1.

    Raises:
        InputError: the file is missing, damaged, or not a sample.
    """
    path = FILE if path is None else path
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            pixels, labels, votes = (archive[name] for name in ("pixels", "labels", "votes"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected the embedded sample, found no such file.") from error
    except DAMAGED_ARRAYS as error:
        detail = " ".join(str(error).split())
        raise InputError(
            f"{path}: expected pixels, labels and votes, found: {detail}. Install Deadpan again."
        ) from error
    if problem := _problem(pixels, labels, votes):
        raise InputError(f"{path}: expected {problem}. Install Deadpan again.")
    return FaceSet(
        NAME,
        Split.SAMPLE,
        pixels[..., None],
        np.arange(len(pixels), dtype=np.int64),
        labels.astype(np.int64),
        votes.astype(np.uint8),
    )


def _problem(pixels: np.ndarray, labels: np.ndarray, votes: np.ndarray) -> str | None:
    """Return the first rule that the arrays break and what they hold instead, or None."""
    count = len(pixels) if pixels.ndim else 0
    if pixels.dtype != np.uint8 or pixels.shape != (count, SIDE, SIDE) or not count:
        return f"pixels uint8 (N, {SIDE}, {SIDE}), found {pixels.dtype} {pixels.shape}"
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        return f"labels integer ({count},), found {labels.dtype} {labels.shape}"
    if labels.tolist() != np.repeat(range(FER7.num_classes), count // FER7.num_classes).tolist():
        found = ", ".join(
            f"{n} of {value}" for value, n in zip(*np.unique(labels, return_counts=True))
        )
        return (
            f"labels 0 to {FER7.num_classes - 1} in that order, each equally often, found {found}"
        )
    if votes.dtype.kind not in "iu" or votes.shape != (count, len(VOTE_COLUMNS)):
        return f"votes integer ({count}, {len(VOTE_COLUMNS)}), found {votes.dtype} {votes.shape}"
    wrong = np.flatnonzero((votes.sum(axis=1) != _VOTES_PER_FACE) | (votes < 0).any(axis=1))
    if len(wrong):
        counts = " ".join(map(str, votes[wrong[0]]))
        return f"{_VOTES_PER_FACE} votes per row, found row {wrong[0]}: {counts}"
    return None
