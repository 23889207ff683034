"""Label schemes: the classes of FER and FER+, their order, and how they correspond.

Not here: votes and the rules that turn them into labels (`datasets/votes.py`).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

NO_LABEL = -1
"""Value of a row without a label under a scheme (dropped by a FER+ rule, or no such class)."""


class LabelSet(StrEnum):
    """The two annotations of FER2013."""

    FER = "fer"
    FERPLUS = "ferplus"


@dataclass(frozen=True)
class LabelScheme:
    """A named, ordered list of classes; a label is an index into it.

    Attributes:
        name: `fer`, `ferplus`, or any other name for a foreign scheme.
        classes: class names in the order of the logits.
    """

    name: str
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise ValueError(
                f"`classes` must be at least two distinct names. Received: classes={self.classes}"
            )

    @property
    def num_classes(self) -> int:
        """K, the number of classes."""
        return len(self.classes)


FER7 = LabelScheme("fer", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
"""Order of the labels in fer2013.csv. Alphabetical folders differ at 4, 5 and 6."""

FERPLUS8 = LabelScheme(
    "ferplus",
    ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
)
"""Order of the first eight vote columns of fer2013new.csv."""

SCHEMES: dict[str, LabelScheme] = {FER7.name: FER7, FERPLUS8.name: FERPLUS8}

_FER_TO_FERPLUS = np.array([4, 5, 6, 1, 3, 2, 0], dtype=np.int64)
_FERPLUS_TO_FER = np.array([6, 3, 5, 4, 0, 1, 2, NO_LABEL], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels that carry their scheme.

    Attributes:
        scheme: what the integers mean.
        values: int64 (N,), in [0, K) or `NO_LABEL`.
    """

    scheme: LabelScheme
    values: np.ndarray

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise ValueError(
                "`values` must be integers of shape (N,). "
                f"Received: dtype={values.dtype}, shape={values.shape}"
            )
        outside = (values < NO_LABEL) | (values >= self.scheme.num_classes)
        if outside.any():
            raise ValueError(
                f"`values` must be in [0, {self.scheme.num_classes}) or {NO_LABEL} (no label) "
                f"for scheme {self.scheme.name!r}. Received: {values[outside][0]}"
            )
        object.__setattr__(self, "values", values.astype(np.int64))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def present(self) -> np.ndarray:
        """Boolean (N,): rows that have a label."""
        return self.values != NO_LABEL

    def take(self, rows: np.ndarray) -> "Labels":
        """Return the labels of the given rows (indices or mask), in that order."""
        return Labels(self.scheme, self.values[rows])

    def to(self, scheme: LabelScheme) -> "Labels":
        """Translate the labels to another scheme.

        FER+ contempt has no FER class and becomes `NO_LABEL`.

        Raises:
            ValueError: no correspondence between the two schemes is known.
        """
        if scheme == self.scheme:
            return self
        return Labels(scheme, translate(self.values, self.scheme, scheme))


def translate(values: np.ndarray, source: LabelScheme, target: LabelScheme) -> np.ndarray:
    """Translate class indices int64 (N,) to another scheme; `NO_LABEL` where it has no such class.

    Raises:
        ValueError: no correspondence between the two schemes is known.
    """
    if source == target:
        return values
    if (source, target) == (FER7, FERPLUS8):
        table = _FER_TO_FERPLUS
    elif (source, target) == (FERPLUS8, FER7):
        table = _FERPLUS_TO_FER
    else:
        raise ValueError(
            f"labels translate between fer and ferplus only. "
            f"Received: {source.name!r} to {target.name!r}"
        )
    return np.where(values == NO_LABEL, NO_LABEL, table[np.maximum(values, 0)])
