"""R26: do a model's gradients foretell how its answers change?

Near clean faces, over small random steps. A gradient may exist and still be that of a part of the
model only (a branch whose gradient is stopped), or of something else: attacks follow it all the
same, and the model looks robust. A defence and a step of a contract that declare to pass gradients
straight through (R15) are taken away first. Not here: zero gradients (R9), and whether attacks
find examples that exist (R14).
"""

import math
from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from attacks.base import Keys
from attacks.broken import likeliest
from attacks.ensembles.foretelling import TILES, Changes, Lead, changes, cosine
from attacks.registry import ATTACKS
from datasets.base.percentages import in_percent
from datasets.image_source import ImageSource
from evaluation.checks.rules import Check, check, failed_check
from evaluation.config import RunConfig
from evaluation.listener import is_result
from evaluation.results.schema import WORST_CASE
from evaluation.tier_attacks import attacks_on, is_black_box
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.contract import Contract, PixelStep
from fer_models.wrapped_classifier import WrappedClassifier, innermost

NAME = "gradients foretell answers"
FACES = 32
"""Faces that are tried, spread over the data."""
SMALL, COARSER = (1 / 32, 1 / 4), (1 / 4, 1.0, 2.0)
"""Sizes of steps on each pixel, in 1/255; a face is not tried with larger ones than foretell it.
The first two are for undefended nets, whose answers bend soon: at 1 the cosine of nets of the zoo
is 0.8, at 1/32 of that 0.95 or more on each of 640 faces. The others are for answers that change in
steps of their own, those of nets in float16 and bfloat16, and of nets that round pixels to 8 bits.
"""
SIDE = 48
"""Side of the grey images for which `SMALL` is; in larger ones as long a step moves each pixel
less."""
FORETOLD = 0.9
"""Least cosine of real and foretold changes where answers change evenly. That of a net with a
branch or a logit without its gradient was less on 4 of 5 faces."""
EVEN = 0.9
"""Answers change evenly where the changes over the two smallest steps have at least this cosine."""
COARSE = 0.6
"""Least cosine where they do not: of nets in bfloat16 it was 0.65 or more on each of 320 faces."""
SHARE = 0.05
"""Share of faces that may be foretold less well: one of 32. Where a fifth of all faces has such
gradients, two or more are found in 97 % of runs."""
FINE_SHARE = 0.25
"""Share of faces that may be foretold less well than `FORETOLD` if steps of all tiles count alike.
Answers change most over large tiles, which hide that gradients lack what is fine: with a
chequerboard of pixels without a gradient it was 59 %, of 12 nets with their own 9 % or less."""


class _Found(NamedTuple):
    """On how many of the faces that have a gradient it foretells too little.

    Attributes:
        wrong: faces on which it foretells the changes too little.
        fine: those on which it does once steps of all tiles count alike.
        faces: all that have a gradient.
    """

    wrong: int
    fine: int
    faces: int


def gradient_checks(classifier: Classifier, images: ImageSource, config: RunConfig) -> list[Check]:
    """Compare a model's gradients with what its answers do near clean faces.

    Args:
        classifier: any model whose answers are repeatable.
        images: float32 (N, H, W, C) in [0, 1].
        config: configuration of the run.

    Returns:
        A check for each attacked label set; none for a black box, in a run without attacks by
        gradients, and where all gradients are zero.
    """
    made = [ATTACKS[attack.name] for attack in attacks_on(classifier, config)]
    if is_black_box(classifier) or not any(kind.needs_gradients for kind in made):
        return []
    rows = np.unique(np.linspace(0, len(images) - 1, FACES).astype(int))
    try:
        tried = _without_straight_through(classifier)
        found = _compared(tried, images[rows], Keys(0, rows))
    except Exception as error:  # R24: any failure of a model is a result
        if not is_result(error):
            raise
        return [
            failed_check(classifier, "R26", NAME, error) | _of_worst_case(labels)
            for labels in config.labels
        ]
    if not found.faces:
        return []
    verdict = _verdict(classifier.id, found, tried is classifier)
    return [verdict | _of_worst_case(labels) for labels in config.labels]


def _compared(classifier: Classifier, images: np.ndarray, keys: Keys) -> _Found:
    """Try steps of growing size on the faces whose changes were not foretold so far.

    Where an attacker's draws are not those of the evaluation, both sides are the attacker's.
    """
    exact = classifier.exact
    assert isinstance(exact, DifferentiableClassifier)
    answers = exact.attacked_logits if exact.draws_apart else exact.logits
    logits = answers(images)
    labels = logits.argmax(axis=1)
    targets = likeliest(logits, labels, 1)[:, 0]
    gradient = exact.logit_gradients(images, targets) - exact.logit_gradients(images, labels)
    lead = Lead(images, labels, targets, logits, gradient)
    left = np.flatnonzero(gradient.any(axis=(1, 2, 3)))
    had, best, fine = left, np.full(len(images), -1.0), np.full(len(images), -1.0)
    needed, before = np.full(len(images), FORETOLD), np.empty(0)
    for number, size in enumerate(_sizes(images.shape[1:])):
        if not len(left):
            break
        found = changes(answers, lead.take(left), size, keys.take(left))
        best[left] = np.maximum(best[left], cosine(*found))
        fine[left] = np.maximum(fine[left], cosine(*_tiles_alike(found)))
        if number == 1:
            needed[left[cosine(before, found.real) < EVEN]] = COARSE
        going = best[left] < FORETOLD
        left, before = left[going], found.real[:, going]
    even = had[needed[had] == FORETOLD]
    return _Found(int((best < needed)[left].sum()), int((fine[even] < FORETOLD).sum()), len(had))


def _tiles_alike(found: Changes) -> Changes:
    """The changes, those over tiles of each side scaled to the same length."""
    lengths = np.empty_like(found.real)
    for side in set(TILES):
        steps = np.array(TILES) == side
        lengths[steps] = np.sqrt(sum(np.square(each[steps]).sum(axis=0) for each in found))
    lengths = np.maximum(lengths, np.finfo(np.float64).tiny)
    return Changes(found.real / lengths, found.foretold / lengths)


def _sizes(shape: tuple[int, ...]) -> list[float]:
    """Sizes of steps for images (H, W, C), ascending."""
    less = min(1.0, SIDE / math.sqrt(math.prod(shape)))
    return sorted({share / 255 for share in (*(less * each for each in SMALL), *COARSER)})


def _verdict(model: str, found: _Found, whole: bool) -> Check:
    """The check; `whole` where the model was tried with all that belongs to it."""
    share, limit = found.wrong / found.faces, SHARE
    if share <= SHARE and found.fine > FINE_SHARE * found.faces:
        share, limit = found.fine / found.faces, FINE_SHARE
    words = "Near clean faces the model's answers change as its gradients foretell."
    if flagged := share > limit:
        words = (
            f"On {in_percent(share)} % of {found.faces} clean faces the model's answers do not "
            "change as its gradients foretell, so these are not, or only in part, its own: a "
            "branch or a logit whose gradient is stopped, or a step whose gradient is made up. "
            "Attacks follow them, so robust accuracy may be overstated."
        )
    if not whole:
        words += " It was tried without what passes gradients straight through (R15)."
    return check(model, "R26", NAME, flagged, share, limit, words)


def _of_worst_case(label_set: str) -> Check:
    return {"attacked_labels": label_set, "perturbation": WORST_CASE}


def _without_straight_through(classifier: Classifier) -> Classifier:
    """The net behind what declares to pass gradients straight through; else the classifier."""
    net, each, declared = innermost(classifier), classifier, False
    while isinstance(each, WrappedClassifier):
        defence = getattr(each, "defence", None)
        declared |= defence is not None and not defence.differentiable
        each = each.inner
    contract = getattr(net, "contract", None)
    if isinstance(contract, Contract):
        steps = tuple(step for step in contract.steps if step is not PixelStep.EQUALISE)
        plain = replace(contract, steps=steps, eight_bit_resize=False)
        if plain != contract:
            net, declared = copy(net), True
            net.contract = plain  # type: ignore[attr-defined]
    return net if declared else classifier
