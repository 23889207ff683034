"""Check claimed adversarial images against a model: range, norm, success, and success at 8 bits."""

import math
from dataclasses import dataclass

import numpy as np

from attacks.broken import broken
from attacks.sets.eight_bits import whole_steps
from attacks.threat_model import TOLERANCE, Norm, distance, project
from datasets.base.errors import InputError
from fer_models.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Verification:
    """Result of checking N claimed images.

    Attributes:
        claimed: N.
        in_range: images with finite pixels in [0, 1].
        in_budget: images whose norm is at most eps (1 + 1e-6), or a rounding of float32 more.
        largest: largest norm as a multiple of its eps.
        right_before: clean images the model classifies correctly.
        confirmed: images within range and budget that are misclassified, also once projected onto
            the budget, while the clean one is not.
        confirmed_8bit: confirmed ones still misclassified when both images are rounded to 8 bits,
            the attacked one within eps.
        sizes: float64 (N,), norm of each confirmed perturbation, projected; NaN for the others.
    """

    claimed: int
    in_range: int
    in_budget: int
    largest: float
    right_before: int
    confirmed: int
    confirmed_8bit: int
    sizes: np.ndarray

    @property
    def holds(self) -> bool:
        """Whether every claimed image is confirmed, and there is one."""
        return 0 < self.confirmed == self.claimed

    @property
    def verdict(self) -> str:
        """Whether the claim holds, in words; of no images it says nothing."""
        if not self.claimed:
            return "nothing was checked: the set holds no image that fools a model"
        return "the claim holds" if self.holds else "the claim does not hold"


def verify_images(
    classifier: Classifier,
    clean: np.ndarray,
    attacked: np.ndarray,
    labels: np.ndarray,
    norm: Norm,
    eps: np.ndarray,
) -> Verification:
    """Check images that are claimed to fool a model.

    Args:
        classifier: the model.
        clean: float32 (N, H, W, C) in [0, 1].
        attacked: float32 (N, H, W, C), the claimed images.
        labels: int64 (N,) in [0, K), true classes.
        norm: norm of the budget.
        eps: float64 (N,), budget of each image.

    Raises:
        InputError: shapes differ, or labels are not classes of the model.
    """
    if clean.shape != attacked.shape or len(labels) != len(clean):
        raise InputError(
            "clean and adversarial images must have the same shape and one label each; got "
            f"{clean.shape}, {attacked.shape} and {len(labels)} labels."
        )
    classes = classifier.scheme.num_classes
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise InputError(
            f"labels must be in [0, {classes}) for {classifier.id}; "
            f"got {labels.min()} to {labels.max()}."
        )
    finite = np.isfinite(attacked).all(axis=(1, 2, 3))
    inside = finite & (attacked >= 0).all(axis=(1, 2, 3)) & (attacked <= 1).all(axis=(1, 2, 3))
    usable = np.where(inside[:, None, None, None], attacked, clean).astype(np.float32)
    lengths = np.where(finite, distance(np.nan_to_num(attacked), clean, norm), np.inf)
    within = lengths <= eps * (1 + TOLERANCE) + _rounding(clean.shape[1:], norm)
    usable = project(usable, clean, eps.reshape(-1, 1, 1, 1), norm)
    right = classifier.predict(clean) == labels
    confirmed = inside & within & right & broken(classifier.logits(usable), labels)
    rounded, fits = whole_steps(clean, usable, eps, norm, stretched=False)
    still = confirmed & fits & (classifier.predict(rounded) != labels)
    return Verification(
        claimed=len(labels),
        in_range=int(inside.sum()),
        in_budget=int(within.sum()),
        largest=float((lengths / eps).max(initial=0.0)),
        right_before=int(right.sum()),
        confirmed=int(confirmed.sum()),
        confirmed_8bit=int(still.sum()),
        sizes=np.where(confirmed, distance(usable, clean, norm), np.nan),
    )


def _rounding(shape: tuple[int, ...], norm: Norm) -> float:
    """How far rounding to float32 can move an image: pixels of 0.5 to 1 by 2**-24, twice."""
    pixel, dims = 2.0**-23, math.prod(shape)
    return pixel * {Norm.LINF: 1.0, Norm.L2: math.sqrt(dims), Norm.L1: float(dims)}[norm]
