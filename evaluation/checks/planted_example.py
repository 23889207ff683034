"""R14: does the attack find an adversarial example that is known to exist?

The model classifies random points of the ball around each face. Then its logits get a linear head
that predicts one class for the face and all of these points but one: the planted example. An attack
that works on the model finds it, or another one; where gradients mislead, it does not.

Source: Zimmermann et al. 2022, "Increasing confidence in adversarial robustness evaluations", arXiv
2206.13991. Unlike there the head reads logits, so that a defence around a net is tested with it,
and comes from a discriminant in closed form.
"""

import numpy as np

from attacks.base import Keys
from attacks.noise import random_move
from attacks.registry import make_attack
from attacks.sets.contents import AdversarialSet
from attacks.threat_model import Norm, project
from datasets.image_source import ImageSource
from datasets.labels import LabelScheme
from evaluation.checks.rules import Check, check
from fer_models.classifier import DifferentiableClassifier
from fer_models.linear_head import LinearHead

FACES = 20
"""Maximum number of faces for which an example is planted."""
POINTS = 64
"""Random points around a face, the planted one among them."""
FOUND = 0.95


TWO = LabelScheme("planted", ("face", "planted"))


def planted_example(
    classifier: DifferentiableClassifier, made: AdversarialSet, clean: ImageSource, eps: float
) -> Check:
    """Count the faces for which the attack of a set finds the planted example.

    Args:
        classifier: the attacked model.
        made: the set, whose attack and settings are used.
        clean: float32 (N, H, W, C), clean images of the set's rows.
        eps: radius of the ball, at least 0.
    """
    spec = made.spec
    attack = make_attack(spec.perturbation, spec.norm, eps, spec.options)
    rows = np.flatnonzero(made.smallest_eps != 0)[:FACES]
    keys = Keys(spec.seed, made.row_ids)
    found = []
    for row in rows:
        points = random_points(clean[row], eps, spec.norm, keys.generator(row))
        head = separating_head(classifier.logits(np.concatenate([clean[row : row + 1], points])))
        if head is not None:
            planted = plant(classifier, *head)
            label = np.zeros(1, np.int64)
            result = attack(planted, clean[row : row + 1], label, keys.take(np.array([row])))
            found.append(bool(result.success[0]))
    return _verdict(classifier.id, found)


def plant(classifier: DifferentiableClassifier, direction: np.ndarray, offset: float) -> LinearHead:
    """Put a head of two classes behind a model: the second leads by direction · logits + offset.

    Args:
        classifier: the model.
        direction: float64 (K,).
        offset: added to it.
    """
    weights = np.stack([-direction, direction], axis=1) / 2
    return LinearHead(classifier, weights, np.array([-offset, offset]) / 2, TWO)


def random_points(
    clean: np.ndarray, eps: float, norm: Norm, draw: np.random.Generator
) -> np.ndarray:
    """Points at the edge of the ball around one image, float32 (POINTS, H, W, C)."""
    moves = np.array([random_move(clean.shape, eps, norm, draw) for _ in range(POINTS)])
    images = np.repeat(clean[None], POINTS, axis=0)
    return project(images + moves, images, eps, norm)


def separating_head(logits: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Direction (K,) and offset of a head that is positive at one point only, None without any.

    The direction is Fisher's discriminant of that point against all others, and the point the one
    that it separates best. At the face, the head's margin equals that of the model.

    Args:
        logits: float32 (1 + POINTS, K), of the face and of the points around it.
    """
    wide = logits.astype(np.float64)
    centred = wide - wide.mean(axis=0)
    whitening = np.linalg.pinv(np.cov(centred.T), rcond=1e-6, hermitian=True)
    directions = centred[1:] @ whitening
    heights = centred @ directions.T
    points = np.arange(1, len(logits))
    own = heights[points, points - 1].copy()
    heights[points, points - 1] = -np.inf
    second = heights.max(axis=0)
    gaps = (own - second) / np.maximum(np.abs(own), 1e-30)
    best = int(np.argmax(gaps))
    if not gaps[best] > 1e-3:
        return None
    threshold = (own[best] + second[best]) / 2
    direction = directions[best]
    offset = -threshold - wide.mean(axis=0) @ direction
    two = np.sort(wide[0])[-2:]
    scale = max(two[1] - two[0], 1e-3) / abs(wide[0] @ direction + offset)
    return direction * scale, float(offset * scale)


def _verdict(model: str, found: list[bool]) -> Check:
    share = float(np.mean(found)) if found else np.nan
    words = f"The attack finds an example that is known to exist for {sum(found)} of {len(found)}."
    if not found:
        words = "No example could be planted: random points do not change the model's logits."
    flagged = share < FOUND
    if flagged:
        words += " It misses existing examples: robust accuracy is overstated."
    return check(model, "R14", "planted example", flagged, share, FOUND, words)
