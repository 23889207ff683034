"""Attacked images with 8 bits per pixel: rounded inside the budget, and which of them still break.

Not here: an attacker who makes the most of 8 bits (`evaluation/stages/eight_bits.py`), and files
(`attacks/sets/export.py`, `attacks/sets/forms/`).
"""

from dataclasses import dataclass

import numpy as np

from attacks.broken import broken
from attacks.sets.contents import AdversarialSet
from attacks.threat_model import TOLERANCE, Norm, distance
from datasets.image_source import UnitImages
from fer_models.classifier import Classifier

STEPS = 255
"""Steps of an 8-bit pixel from 0 to 1."""

_AT_ONCE = 500
"""Number of images that are rounded together, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class EightBitCopies:
    """The N faces of a set as 8-bit images, as its attack leaves them at one eps.

    Attributes:
        made: the set.
        eps: the eps.
        images: uint8 (N, H, W, C), within eps of the clean faces; clean where the attack fails.
        predictions: int64 (N,), classes that the model answers to them.
        distances: float64 (N,), distance from the clean face in the norm of the attack.
        wrong: bool (N,), faces whose 8-bit image is misclassified: broken, or wrong when clean.
        files: str (N,), files of the clean faces relative to the data; None where a table holds
            their pixels.
    """

    made: AdversarialSet
    eps: float
    images: np.ndarray
    predictions: np.ndarray
    distances: np.ndarray
    wrong: np.ndarray
    files: np.ndarray | None = None

    @property
    def wrong_in_float(self) -> np.ndarray:
        """bool (N,), faces whose float32 image is misclassified."""
        return self.made.smallest_eps <= self.eps

    @property
    def right_when_clean(self) -> np.ndarray:
        """bool (N,), faces that are classified correctly without an attack."""
        return self.made.smallest_eps != 0


def eight_bit_copies(
    made: AdversarialSet,
    classifier: Classifier,
    clean: UnitImages,
    eps: float,
    files: np.ndarray | None = None,
) -> EightBitCopies:
    """Round the images that an attack leaves at one eps, and classify them again.

    Args:
        made: the set of N images.
        classifier: the attacked model.
        clean: float32 (N, H, W, C), clean images of the set's rows.
        eps: one of the set's grid.
        files: files of the clean faces, if they are files.
    """
    images = clean.pixels.copy()
    distances = np.zeros(len(images))
    within = np.flatnonzero(made.smallest_eps[made.image_rows] <= eps)
    for first in range(0, len(within), _AT_ONCE):
        places = within[first : first + _AT_ONCE]
        rows, norm = made.image_rows[places], made.spec.norm
        rounded, _ = whole_steps(clean[rows], made.images[places], eps, norm, stretched=False)
        steps, start = (np.rint(faces * np.float64(STEPS)) for faces in (rounded, clean[rows]))
        distances[rows] = distance(steps / STEPS, start / STEPS, norm)
        images[rows] = steps.astype(np.uint8)
    logits = classifier.logits(UnitImages(images))
    wrong = (made.smallest_eps == 0) | broken(logits, made.labels)
    return EightBitCopies(made, eps, images, logits.argmax(axis=1), distances, wrong, files)


def whole_steps(
    clean: np.ndarray, images: np.ndarray, eps: float | np.ndarray, norm: Norm, *, stretched: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Round attacked images to 8 bits, inside the ball around the clean ones.

    Steps are rounded to the nearest; where that leaves the ball, towards the clean image.

    Args:
        clean: float32 (N, H, W, C), whole steps of 1/255.
        images: float32 (N, H, W, C), attacked.
        eps: radius of the ball, or float64 (N,), of each image's ball.
        norm: of the ball.
        stretched: whether perturbations are first scaled to the size eps.

    Returns:
        float32 (N, H, W, C) of whole steps in [0, 1], and bool (N,), which of them lie in the ball.
    """
    start = np.rint(clean.astype(np.float64) * STEPS)
    moves = (images.astype(np.float64) - clean) * STEPS
    if stretched:
        size = distance(images, clean, norm)
        factors = np.divide(eps, size, out=np.ones_like(size), where=size > 0)
        moves *= factors.reshape(-1, 1, 1, 1)
    nearest, inner = (
        np.clip(start + rounding(moves), 0, STEPS) for rounding in (np.rint, _towards_zero)
    )
    fits = _inside(nearest, start, eps, norm)
    chosen = np.where(fits.reshape(-1, 1, 1, 1), nearest, inner)
    return (chosen.astype(np.float32) / STEPS), _inside(chosen, start, eps, norm)


def _towards_zero(moves: np.ndarray) -> np.ndarray:
    """Whole steps below, but for float32 noise in a whole one."""
    return np.trunc(moves * (1 + TOLERANCE))


def _inside(
    steps: np.ndarray, start: np.ndarray, eps: float | np.ndarray, norm: Norm
) -> np.ndarray:
    return distance(steps / STEPS, start / STEPS, norm) <= eps * (1 + TOLERANCE)
