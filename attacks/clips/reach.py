"""Which classes each frame can be made to show, by targeted steps within eps."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from attacks.base import BATCH_ROWS
from attacks.clips.attacked_clip import AttackedClip, FaceClip
from attacks.gradient_attack import steepest_step
from attacks.threat_model import Norm, project
from fer_models.classifier import DifferentiableClassifier
from fer_models.losses import Loss


class Reach(NamedTuple):
    """Classes that frames can be made to show.

    Attributes:
        reached: bool (K, T).
        images: float32 (K, T, H, W, C), frames that show the class where it is reached.
        logits: float32 (K, T, K), the classifier's logits for them.
    """

    reached: np.ndarray
    images: np.ndarray
    logits: np.ndarray

    def with_clips(self, clips: Sequence[AttackedClip]) -> "Reach":
        """Add the classes that frames of other clips show."""
        reached, images, logits = (array.copy() for array in self)
        frames = np.arange(reached.shape[1])
        for clip in clips:
            shown = clip.logits.argmax(axis=1)
            new = ~reached[shown, frames]
            images[shown[new], frames[new]] = clip.images[new]
            logits[shown[new], frames[new]] = clip.logits[new]
            reached[shown, frames] = True
        return Reach(reached, images, logits)


def reach_classes(
    classifier: DifferentiableClassifier, clip: FaceClip, *, eps: float, steps: int
) -> Reach:
    """Attack every frame towards every class, each until it is reached.

    Args:
        classifier: the model to attack.
        clip: its frames.
        eps: Linf radius.
        steps: gradient steps per class.
    """
    classes = classifier.scheme.num_classes
    images = np.repeat(clip.images[None], classes, axis=0)
    logits = np.empty((classes, len(clip.images), classes), np.float32)
    for target in range(classes):
        for start in range(0, len(clip.images), BATCH_ROWS):
            rows = slice(start, start + BATCH_ROWS)
            images[target, rows] = _towards(classifier, clip.images[rows], target, eps, steps)
        logits[target] = classifier.logits(images[target])
    reached = logits.argmax(axis=2) == np.arange(classes)[:, None]
    return Reach(reached, images, logits)


def _towards(
    classifier: DifferentiableClassifier, clean: np.ndarray, target: int, eps: float, steps: int
) -> np.ndarray:
    """Images float32 (N, H, W, C), moved until they show the target."""
    current, left = clean.copy(), np.arange(len(clean))
    for step in range(steps):
        labels = np.full(len(left), target, np.int64)
        # the margin grows away from a label; downwards it leads to it
        with classifier.drawn(step):
            found = classifier.input_gradients(current[left], labels, Loss.MARGIN)
        wrong = found.logits.argmax(axis=1) != target
        if classifier.draws_apart:  # the attacker's draws say so; the logits that judge decide
            shown = np.flatnonzero(~wrong)
            wrong[shown] = classifier.predict(current[left[shown]]) != target
        left, gradient = left[wrong], found.gradient[wrong]
        if not len(left):
            break
        size = eps * 0.5 * (1 + math.cos(math.pi * step / steps))
        moved = current[left] - steepest_step(gradient, size, Norm.LINF)
        current[left] = project(moved, clean[left], eps, Norm.LINF)
    return current
