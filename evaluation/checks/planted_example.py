"""R14: does the attack find an adversarial example that is known to exist?

The model classifies random points of the ball around each face. Then its logits get a linear head
that predicts one class for the face and all of these points but one: the planted example. An attack
that works on the model finds it, or another one; where gradients mislead, it does not.

Source: Zimmermann et al. 2022, "Increasing confidence in adversarial robustness evaluations", arXiv
2206.13991. Unlike there the head reads logits, so that a defence around a net is tested with it,
and comes from a discriminant in closed form. Not here: the model with its heads
(`evaluation/checks/planted_heads.py`).
"""

from typing import Any

import numpy as np

from attacks.base import Keys
from attacks.noise import random_move
from attacks.precision_trial import BUDGETS
from attacks.registry import make_attack
from attacks.sets.contents import AdversarialSet
from attacks.threat_model import Norm, project
from datasets.image_source import ImageSource
from evaluation.checks.planted_heads import PlantedHeads, batches_apart
from evaluation.checks.rules import Check, check
from fer_models.classifier import DifferentiableClassifier

FACES = 20
"""Maximum number of faces for which an example is planted."""
_ROUNDING = 32 * float(np.finfo(np.float32).eps)
"""Largest relative difference of equal answers: some processors round differently by place."""
FOUND = 0.95
"""Share that must be found: one of 20 may be missed. An attack that misses one in a hundred is
flagged in 2 % of runs, one that misses a third in 99.7 %."""
MISSED = 0.29
"""Share of faces that a search at random must miss to be flagged in 99 % of runs, see FOUND."""
FEWEST, MOST = 16, 128
"""Bounds of the number of points: more than a model has classes, and no more than it can pay."""


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
    keys, count = Keys(spec.seed, made.row_ids), number_of_points(spec.options)
    around = [
        np.concatenate([clean[row][None], random_points(clean[row], eps, spec.norm, draw, count)])
        for row, draw in zip(rows, keys.take(rows).generators(), strict=True)
    ]
    answers = np.split(classifier.logits(np.concatenate(around)), len(rows)) if around else []
    heads = {row: head for row, each in zip(rows, answers) if (head := separating_head(each))}
    planted, found = np.array([*heads], np.int64), list[bool]()
    for batch in batches_apart(clean[planted], eps, spec.norm):
        here = planted[batch]
        directions, offsets = zip(*(heads[row] for row in here), strict=True)
        net = PlantedHeads(
            classifier, clean[here], np.stack(directions), np.array(offsets), spec.norm
        )
        result = attack(net, clean[here], np.zeros(len(here), np.int64), keys.take(here))
        found += result.success.tolist()
    return _verdict(classifier.id, found)


def number_of_points(options: dict[str, Any]) -> int:
    """How many points to draw around a face, the planted one among them.

    An attack that follows gradients that mislead is a search at random: of P points it finds the
    planted one with one try in P. As many are drawn as make the tries of this attack miss at least
    the share `MISSED`, (1 - 1/P)^tries, so that R14 flags it: 17 for 20 steps, 33 for 40.

    Args:
        options: of the attack; its budgets are the tries.
    """
    tries = sum(int(options.get(name) or 0) for name in BUDGETS) * int(options.get("restarts") or 1)
    if shorter := int(options.get("shorter") or 0):  # a short climb before the long one
        tries += int(options["steps"]) // shorter
    needed = 1 / (1 - MISSED ** (1 / max(tries, 1)))
    return int(np.clip(np.ceil(needed), FEWEST, MOST))


def random_points(
    clean: np.ndarray, eps: float, norm: Norm, draw: np.random.Generator, count: int
) -> np.ndarray:
    """Points at the edge of the ball around one image, float32 (count, H, W, C)."""
    moves = np.array([random_move(clean.shape, eps, norm, draw) for _ in range(count)])
    images = np.repeat(clean[None], count, axis=0)
    return project(images + moves, images, eps, norm)


def separating_head(logits: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Direction (K,) and offset of a head that is positive at one point only, None without any.

    The direction is Fisher's discriminant of that point against all others, and the point the one
    that it separates best. At the face, the head's margin equals that of the model.

    Args:
        logits: float32 (1 + P, K), of the face and of the P points around it.
    """
    wide = logits.astype(np.float64)
    if np.ptp(wide, axis=0).max() <= _ROUNDING * np.abs(wide).max():
        return None
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
