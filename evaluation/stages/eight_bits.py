"""What an attacker breaks whose images have 8 bits: every pixel a whole step of 1/255.

A stored image lies just beyond the border of its class, so rounding it undoes many flips. An
attacker who knows of the rounding does better. So at every eps of the grid each stored perturbation
is also stretched to the whole budget before it is rounded; that costs two forward passes per image
and eps, and no gradient. An attack made for 8 bits may break more: the figure is an upper bound.
"""

import numpy as np

from attacks.broken import broken
from attacks.sets.contents import AdversarialSet
from attacks.threat_model import TOLERANCE, Norm, distance
from fer_models.classifier import Classifier

STEPS = 255
"""Steps of an 8-bit pixel from 0 to 1."""


def smallest_eight_bit_eps(
    classifier: Classifier, made: AdversarialSet, clean: np.ndarray
) -> np.ndarray:
    """Smallest eps of the grid at which an 8-bit image within it is found to be broken.

    Args:
        classifier: the attacked model.
        made: the set of N images.
        clean: float32 (N, H, W, C), clean images of the same rows, whole steps of 1/255.

    Returns:
        float64 (N,): 0 where the clean image is wrong, infinity where no 8-bit image was found;
        never below `smallest_eps`.
    """
    found = np.where(made.smallest_eps == 0, 0.0, np.inf)
    rows, norm = made.image_rows, made.spec.norm
    for eps in (eps for eps in made.spec.grid if eps > 0):
        for stretched in (True, False):
            left = np.flatnonzero(np.isinf(found[rows]) & (made.smallest_eps[rows] <= eps))
            if not len(left):
                continue
            here = rows[left]
            images, inside = whole_steps(
                clean[here], made.images[left], eps, norm, stretched=stretched
            )
            wrong = broken(classifier.logits(images), made.labels[here])
            found[here[wrong & inside]] = eps
    return found


def whole_steps(
    clean: np.ndarray, images: np.ndarray, eps: float, norm: Norm, *, stretched: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Round attacked images to 8 bits, inside the ball around the clean ones.

    Steps are rounded to the nearest; where that leaves the ball, towards the clean image.

    Args:
        clean: float32 (N, H, W, C), whole steps of 1/255.
        images: float32 (N, H, W, C), attacked.
        eps: radius of the ball.
        norm: of the ball.
        stretched: whether perturbations are first scaled to the size eps.

    Returns:
        float32 (N, H, W, C) of whole steps in [0, 1], and bool (N,), which of them lie in the ball.
    """
    start = np.rint(clean.astype(np.float64) * STEPS)
    moves = (images.astype(np.float64) - clean) * STEPS
    if stretched:
        size = distance(images, clean, norm).reshape(-1, 1, 1, 1)
        moves *= np.divide(eps, size, out=np.ones_like(size), where=size > 0)
    nearest, inner = (
        np.clip(start + rounding(moves), 0, STEPS) for rounding in (np.rint, _towards_zero)
    )
    fits = _inside(nearest, start, eps, norm)
    chosen = np.where(fits.reshape(-1, 1, 1, 1), nearest, inner)
    return (chosen.astype(np.float32) / STEPS), _inside(chosen, start, eps, norm)


def _towards_zero(moves: np.ndarray) -> np.ndarray:
    """Whole steps below, but for float32 noise in a whole one."""
    return np.trunc(moves * (1 + TOLERANCE))


def _inside(steps: np.ndarray, start: np.ndarray, eps: float, norm: Norm) -> np.ndarray:
    return distance(steps / STEPS, start / STEPS, norm) <= eps * (1 + TOLERANCE)
