"""A clip of one face, before any model has read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from datasets.labels import NO_LABEL, Labels
from evaluation.results.reading import CLEAN_READING, LABELS
from fer_models.classifier import Classifier


class Crops(Protocol):
    """Crops of consecutive frames, in an array or on disk."""

    def __len__(self) -> int:
        """Number of frames."""

    def __getitem__(self, frames: slice, /) -> np.ndarray:
        """Read some of them, uint8 (T, H, W, 1)."""


@dataclass(frozen=True, eq=False)
class SourceClip:
    """One face over time.

    Attributes:
        name: file name and face, or number of a planted clip.
        seconds: float64 (T,), time of each frame, ascending.
        crops: of every frame, by side in pixels; a single size serves every model.
        labels: what each frame shows, `NO_LABEL` where that is uncertain; None if nobody said.
        shows: int64 (T,) classes of the labels' scheme, for every frame; None without labels.
    """

    name: str
    seconds: np.ndarray
    crops: Mapping[int, Crops]
    labels: Labels | None = None
    shows: np.ndarray | None = None

    def side(self, classifier: Classifier) -> int:
        """Side in pixels of the crops that a classifier gets."""
        only = next(iter(self.crops))
        return classifier.face_side if classifier.face_side in self.crops else only

    def images(self, classifier: Classifier, frames: slice = slice(None)) -> np.ndarray:
        """Frames as the classifier takes them, float32 (T, H, W, 1) in [0, 1]."""
        crops = self.crops[self.side(classifier)][frames]
        return crops.astype(np.float32) / np.float32(255)

    @property
    def reference(self) -> str:
        """What readings are compared with, see `evaluation.results.reading`."""
        return CLEAN_READING if self.labels is None else LABELS

    def expected(
        self, classifier: Classifier, logits: np.ndarray, frames: slice = slice(None)
    ) -> tuple[np.ndarray, np.ndarray]:
        """What a model should read, int64 (T,) in its classes, and which frames count, bool (T,).

        Without labels that is what it reads in the clean frames, one by one. A frame that shows
        what the model has no class for does not count.

        Args:
            classifier: the model.
            logits: float32 (T, K), its logits for the clean frames.
            frames: which frames.
        """
        read = logits.argmax(axis=1)
        if self.labels is None or self.shows is None:
            return read, np.ones(len(read), bool)
        shown = Labels(self.labels.scheme, self.shows[frames]).to(classifier.scheme).values
        scored = (self.labels.values[frames] != NO_LABEL) & (shown != NO_LABEL)
        return np.where(shown == NO_LABEL, read, shown), scored
