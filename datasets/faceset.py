"""FaceSet: faces with their FER labels and FER+ votes in one order, immutable.

Not here: reading files (`datasets/read.py`) and finding duplicates (`datasets/duplicates.py`).
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from datasets.labels import FER7, Labels, LabelSet
from datasets.near_duplicates import first_near
from datasets.votes import VOTE_COLUMNS, VoteRule, vote_labels


class Split(StrEnum):
    """Parts of a data source.

    `Test` is a folder that merges PublicTest and PrivateTest, or data without splits.
    `Sample` holds generated faces (the embedded ones or a copy): figures measured on it say nothing
    about real faces.
    """

    TRAINING = "Training"
    PUBLIC_TEST = "PublicTest"
    PRIVATE_TEST = "PrivateTest"
    TEST = "Test"
    SAMPLE = "Sample"


_PER_ROW = ("row_ids", "fer", "votes", "leaked", "files", "near_leaked", "subgroups", "run_groups")


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Faces of one split.

    Attributes:
        name: name of the data source in reports (`fer2013`, a folder's name, `generated sample`).
        split: the part of the source.
        images: uint8 (N, H, W, C), C = 1 or 3.
        row_ids: int64 (N,), unique row numbers in the source; every random draw depends on them.
        fer: int64 (N,) FER labels, or None.
        votes: uint8 (N, 10) FER+ votes, columns `VOTE_COLUMNS`, or None.
        leaked: bool (N,), True where Training holds a pixel-identical image; None for Training
            itself, or when the source has no Training.
        tagged: whether annotators gave the votes; False where each row has one label, stored as ten
            votes.
        files: str (N,), image files relative to the data; None where a table holds the pixels.
        notes: what reading left out or changed, one sentence each.
        own_labels: whether the labels are called by the name of the data, not FER or FER+.
        near_leaked: bool (N,), True where Training holds the same photograph, also in another crop
            or encoding; None unless `Source.with_near_leaks` looked for them.
        subgroups: object (N,), names of the groups that each face belongs to, such as `age:child`,
            see `datasets/subgroups.py`; None without a table of them.
        run_groups: int64 (N,), `groups` of the set that these faces were taken from, see
            `with_run_groups`; None where `groups` are found among these faces alone.
    """

    name: str
    split: Split
    images: np.ndarray
    row_ids: np.ndarray
    fer: np.ndarray | None = None
    votes: np.ndarray | None = None
    leaked: np.ndarray | None = None
    tagged: bool = True
    files: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    own_labels: bool = False
    near_leaked: np.ndarray | None = None
    subgroups: np.ndarray | None = None
    run_groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(self.images)
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            raise ValueError(
                "`images` must be uint8 of shape (N, H, W, C). "
                f"Received: dtype={self.images.dtype}, shape={self.images.shape}"
            )
        if self.fer is None and self.votes is None:
            raise ValueError("a FaceSet needs FER labels or FER+ votes. Received: neither")
        for field in _PER_ROW:
            array = getattr(self, field)
            if array is not None and len(array) != count:
                raise ValueError(f"`{field}` must have {count} rows. Received: {len(array)}")
        if self.votes is not None and self.votes.shape[1] != len(VOTE_COLUMNS):
            raise ValueError(f"`votes` must be (N, 10). Received: shape={self.votes.shape}")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def sha256(self) -> str:
        """Identity of the data: hex sha256 of images, row ids, labels and votes."""
        digest = hashlib.sha256(repr((self.images.shape, str(self.split))).encode())
        for array in (self.images, self.row_ids, self.fer, self.votes):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @cached_property
    def pixel_hashes(self) -> np.ndarray:
        """Hash of each image's shape and pixels, int64 (N,): the first 52 bits of its sha256.

        So many fit into a float64, which tables with missing values are read as.
        """
        start = hashlib.sha256(repr(self.images.shape[1:]).encode())
        found = np.empty(len(self), np.int64)
        for place, image in enumerate(self.images):
            digest = start.copy()
            digest.update(image.tobytes())
            found[place] = int.from_bytes(digest.digest()[:8]) >> 12
        return found

    @cached_property
    def groups(self) -> np.ndarray:
        """Group of near duplicates, int64 (N,): the row id of the first one.

        Results on images of one group are not independent, so intervals count a group once.
        """
        if self.run_groups is not None:
            return self.run_groups
        return self.row_ids[first_near(self.images)]

    def with_run_groups(self) -> "FaceSet":
        """Keep the groups of these faces in every part of them, also where a chain has a gap."""
        return replace(self, run_groups=self.groups)

    @property
    def label_sets(self) -> tuple[LabelSet, ...]:
        """Label sets that this data has."""
        fer = () if self.fer is None else (LabelSet.FER,)
        ferplus = () if self.votes is None else (LabelSet.FERPLUS,)
        return fer + ferplus

    @property
    def label_names(self) -> dict[str, str]:
        """What tables call label sets that are named after the data; empty for FER and FER+."""
        if not self.own_labels:
            return {}
        names = {str(name): self.name for name in self.label_sets}
        if len(names) > 1:
            names[str(LabelSet.FERPLUS)] += " votes"
        return names

    def labels(self, label_set: LabelSet, rule: VoteRule = VoteRule.MAJORITY) -> Labels:
        """FER labels, or FER+ labels by a rule (`NO_LABEL` for rows that the rule drops).

        Raises:
            ValueError: the data does not have these labels.
        """
        if label_set not in self.label_sets:
            raise ValueError(f"{self.name} has no {label_set} labels. Received: {label_set}")
        if label_set is LabelSet.FER:
            return Labels(FER7, np.asarray(self.fer))
        return vote_labels(np.asarray(self.votes), rule)

    def take(self, rows: np.ndarray) -> "FaceSet":
        """Return the given rows (indices or mask), in that order."""
        arrays: dict[str, Any] = {
            field: None if getattr(self, field) is None else getattr(self, field)[rows]
            for field in ("images", *_PER_ROW)
        }
        return replace(self, **arrays)

    def limit(self, count: int | None, seed: int) -> "FaceSet":
        """Return the first rows of a seeded permutation: smaller runs nest in larger ones.

        All rows come in an order that no seed changes. The first of them are a random sample too,
        even where the data are sorted by class.
        """
        whole = count is None or count >= len(self)
        order = np.random.default_rng(0 if whole else seed).permutation(len(self))
        return self.take(order[:count])
