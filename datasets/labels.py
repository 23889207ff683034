"""Label schemes: the classes of FER and FER+ and of models, and how they correspond.

Not here: votes and the rules that turn them into labels (`datasets/votes.py`).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from datasets.emotion_names import emotion_of

NO_LABEL = -1
"""Value of a row without a label under a scheme (dropped by a FER+ rule, or no such class)."""


class LabelSet(StrEnum):
    """The two label sets of FER2013."""

    FER = "fer"
    FERPLUS = "ferplus"


@dataclass(frozen=True)
class LabelScheme:
    """A named, ordered list of classes; a label is an index into it.

    Attributes:
        name: `fer`, `ferplus`, or any other name for the classes of a model.
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

    @property
    def emotions(self) -> tuple[str | None, ...]:
        """The emotion of each class in the words of FER2013; None for a class that is none."""
        return tuple(map(emotion_of, self.classes))

    @property
    def label_set(self) -> LabelSet | None:
        """The label set that a model of these classes belongs to; None with less than two emotions.

        FER+ where contempt is among the classes, else FER.
        """
        known = set(self.emotions) - {None}
        if len(known) < 2:
            return None
        return LabelSet.FERPLUS if "contempt" in known else LabelSet.FER

    def lacks(self, label_set: LabelSet) -> tuple[str, ...]:
        """Classes of a label set that this scheme has not, so that their faces have no label."""
        scheme, known = SCHEMES[label_set], set(self.emotions)
        pairs = zip(scheme.classes, scheme.emotions, strict=True)
        return tuple(name for name, emotion in pairs if emotion not in known)

    @property
    def is_whole(self) -> bool:
        """Whether it has every class of the label set that it belongs to."""
        return self.label_set is not None and not self.lacks(self.label_set)

    def beyond(self, label_set: LabelSet) -> tuple[str, ...]:
        """Classes that the label set lacks; predicting one is wrong for every face."""
        known = SCHEMES[label_set].emotions
        pairs = zip(self.classes, self.emotions, strict=True)
        return tuple(name for name, emotion in pairs if emotion is None or emotion not in known)


FER7 = LabelScheme("fer", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
"""Order of the labels in fer2013.csv. Alphabetical folders differ at 4, 5 and 6."""

FERPLUS8 = LabelScheme(
    "ferplus",
    ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
)
"""Order of the first eight vote columns of fer2013new.csv."""

SCHEMES: dict[str, LabelScheme] = {FER7.name: FER7, FERPLUS8.name: FERPLUS8}


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

        A label whose emotion the other scheme lacks, such as FER+ contempt in FER, becomes
        `NO_LABEL`.

        Raises:
            ValueError: the two schemes have no emotion in common.
        """
        if scheme == self.scheme:
            return self
        return Labels(scheme, translate(self.values, self.scheme, scheme))


def translate(values: np.ndarray, source: LabelScheme, target: LabelScheme) -> np.ndarray:
    """Translate class indices int64 (N,) to another scheme; `NO_LABEL` where it has no such class.

    Raises:
        ValueError: the two schemes have no emotion in common.
    """
    if source == target:
        return values
    table = _table(source, target)
    if (table == NO_LABEL).all():
        raise ValueError(
            "labels translate between schemes that share emotions. "
            f"Received: {', '.join(source.classes)} to {', '.join(target.classes)}"
        )
    return np.where(values == NO_LABEL, NO_LABEL, table[np.maximum(values, 0)])


@lru_cache(maxsize=64)
def _table(source: LabelScheme, target: LabelScheme) -> np.ndarray:
    """Index in the target of each class of the source, int64 (K,)."""
    places = {emotion: place for place, emotion in enumerate(target.emotions) if emotion}
    found = [places.get(emotion, NO_LABEL) if emotion else NO_LABEL for emotion in source.emotions]
    return np.array(found, np.int64)
