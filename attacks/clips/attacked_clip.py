"""What attacks on clips are given and what they make, checked against the budget."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from attacks.base import BudgetError, check_output
from attacks.threat_model import TOLERANCE, Norm, distance
from fer_models.classifier import Classifier
from fer_models.smoothing.smoother import Smoother


@dataclass(frozen=True, eq=False)
class FaceClip:
    """One face over time, and what it should be read as.

    Attributes:
        images: float32 (T, H, W, C) in [0, 1], consecutive frames.
        seconds: float64 (T,), time of each frame, ascending.
        labels: int64 (T,) in [0, K): the class to move away from.
        scored: bool (T,): frames that count.
        seed: what random draws depend on, beside the frame.
        first: number of the first frame, where these are a part of a longer clip.
    """

    images: np.ndarray
    seconds: np.ndarray
    labels: np.ndarray
    scored: np.ndarray
    seed: int
    first: int = 0


class AttackedClip(NamedTuple):
    """Frames float32 (T, H, W, C) and the classifier's logits for them, float32 (T, K)."""

    images: np.ndarray
    logits: np.ndarray


def checked(
    name: str, classifier: Classifier, clip: FaceClip, images: np.ndarray, eps: float
) -> AttackedClip:
    """Ask the classifier about attacked frames, once they are known to be within eps.

    Raises:
        BudgetError: a frame is further than eps in linf, outside [0, 1] or not finite.
    """
    check_output(name, images)
    longest = distance(images, clip.images, Norm.LINF).max(initial=0)
    if longest > eps * (1 + TOLERANCE):
        raise BudgetError(f"{name}: linf norm {longest:.9g}, eps {eps:.9g}")
    return AttackedClip(images, classifier.logits(images))


@dataclass(frozen=True, eq=False)
class Goal:
    """Frames that a smoothed reading labels correctly without attack, and should not with one.

    Attributes:
        smoother: how frames become a reading.
        labels: int64 (T,), what the reading should be.
        counted: bool (T,), frames that are scored, and read so without attack.
    """

    smoother: Smoother
    labels: np.ndarray
    counted: np.ndarray

    @classmethod
    def of(cls, smoother: Smoother, clip: FaceClip, clean_logits: np.ndarray) -> "Goal":
        """The goal of an attack on a clip whose frames have these logits without it."""
        right = smoother.labels(clean_logits) == clip.labels
        return cls(smoother, clip.labels, right & clip.scored)

    def unbroken(self, logits: np.ndarray) -> np.ndarray:
        """Counted frames that are still labelled correctly, bool (T,)."""
        return self.counted & (self.smoother.labels(logits) == self.labels)
