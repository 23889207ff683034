"""Source: all faces of one data source, and a FaceSet for each of its splits.

Not here: reading files (`datasets/read.py`).
"""

from dataclasses import dataclass, replace

import numpy as np

from datasets.base.errors import InputError
from datasets.duplicates import found_in
from datasets.faceset import FaceSet, Split
from datasets.near_duplicates import near_pairs

_KEPT_BACK = (Split.PRIVATE_TEST, Split.TEST)
_HELD_OUT = 0.1


@dataclass(frozen=True, eq=False)
class Source:
    """Faces of all splits, in the order of the file.

    Attributes:
        name: name of the source in reports.
        path: where the faces were read from, for errors.
        images: uint8 (N, H, W, C).
        row_ids: int64 (N,), unique.
        split_of: str (N,), values of `Split`.
        fer: int64 (N,) FER labels, or None.
        votes: uint8 (N, 10) FER+ votes, or None.
        tagged: see `FaceSet`.
        files: see `FaceSet`.
        notes: see `FaceSet`.
        own_labels: see `FaceSet`.
    """

    name: str
    path: str
    images: np.ndarray
    row_ids: np.ndarray
    split_of: np.ndarray
    fer: np.ndarray | None = None
    votes: np.ndarray | None = None
    tagged: bool = True
    files: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    own_labels: bool = False

    @property
    def splits(self) -> tuple[Split, ...]:
        """Splits of the source, Training first."""
        present = set(self.split_of.tolist())
        return tuple(split for split in Split if split in present)

    @property
    def default_split(self) -> Split:
        """Split that is evaluated by default: PublicTest, else Test, else Sample."""
        measured = (Split.PUBLIC_TEST, Split.TEST, Split.SAMPLE)
        return next((split for split in measured if split in self.splits), Split.PUBLIC_TEST)

    def faces(self, split: Split, *, for_training: bool = False) -> FaceSet:
        """Return the faces of one split.

        Args:
            split: split to return.
            for_training: the caller trains or selects a model on the faces. If the source has Test
                but no PublicTest, a tenth of Training then replaces PublicTest.

        Raises:
            InputError: the source has no such split, or a test split was requested for training.
        """
        if for_training and (held_out := self._with_validation()) is not self:
            return held_out.faces(split, for_training=True)
        if for_training and split in _KEPT_BACK:
            raise InputError(
                f"{self.path}: training and selection may read Training and PublicTest only; got "
                f"{split}, which is kept for the final figure. Use PublicTest."
            )
        if split not in self.splits:
            raise InputError(
                f"{self.path}: expected a split {split}, found {', '.join(self.splits)}. "
                "Choose one of these."
            )
        rows = self.split_of == split
        training = self.split_of == Split.TRAINING
        leaked = None
        if split is not Split.TRAINING and training.any():
            leaked = found_in(self.images[rows], self.images[training])
        return FaceSet(
            self.name,
            split,
            self.images[rows],
            self.row_ids[rows],
            None if self.fer is None else self.fer[rows],
            None if self.votes is None else self.votes[rows],
            leaked,
            self.tagged,
            None if self.files is None else self.files[rows],
            self.notes,
            self.own_labels,
        )

    def with_near_leaks(self, faces: FaceSet) -> FaceSet:
        """Mark the faces whose photograph Training holds too, see `datasets/near_duplicates.py`.

        Args:
            faces: faces of this source, not of Training; unchanged if it has no Training.
        """
        if faces.leaked is None:
            return faces
        training = self.images[self.split_of == Split.TRAINING]
        near = np.zeros(len(faces), bool)
        near[near_pairs(faces.images, training).row] = True
        return replace(faces, near_leaked=near)

    def _with_validation(self) -> "Source":
        """Turn a tenth of Training into PublicTest if there is Test but no PublicTest.

        Stratified by class, always the same rows.
        """
        if Split.TEST not in self.splits or Split.PUBLIC_TEST in self.splits:
            return self
        split_of = self.split_of.astype("U11")
        training = np.flatnonzero(split_of == Split.TRAINING)
        if self.fer is not None:
            classes = self.fer
        else:
            assert self.votes is not None
            classes = self.votes.argmax(axis=1)
        rng = np.random.default_rng(0)
        for value in np.unique(classes[training]):
            rows = rng.permutation(training[classes[training] == value])
            split_of[rows[: round(_HELD_OUT * len(rows))]] = Split.PUBLIC_TEST
        return replace(self, split_of=split_of)
