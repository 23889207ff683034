"""Models that only answer: what is said of their figures, and how long their attacks may take."""

import time

import numpy as np

from attacks.registry import ATTACKS
from attacks.transfer import Transfer
from evaluation.checks.rules import Check, check
from evaluation.config import RunConfig
from evaluation.results.schema import WORST_CASE
from fer_models.classifier import BATCH_SIZE, Classifier, DifferentiableClassifier

LONG = 3600.0
"""Seconds from which on the queries of one model are worth a warning."""


def is_black_box(classifier: Classifier) -> bool:
    """Whether a model gives no gradients."""
    return not isinstance(classifier, DifferentiableClassifier)


def black_box_checks(classifier: Classifier, config: RunConfig, faces: int) -> list[Check]:
    """A flag on the worst case of a black box: no white-box attack was possible.

    Args:
        classifier: the model.
        config: of the run.
        faces: of the run.
    """
    if not is_black_box(classifier):
        return []
    able = [a for a in config.attacks if config.norm in ATTACKS[a.name].norms]
    asking = [a for a in able if ATTACKS[a.name].by_answers and not ATTACKS[a.name].needs_gradients]
    ways = ["by its answers"] if asking else []
    if any(ATTACKS[attack.name] is Transfer for attack in able):
        ways.append("through other models")
    words = (
        "The model gives no gradients, so it was attacked "
        f"{' and '.join(ways) or 'by noise at most'}. Its robust accuracy is an upper bound: an "
        "attacker who holds the model may break more."
    )
    searched = max((attack.limit or faces for attack in asking), default=faces)
    if searched < faces:
        words += f" Its answers were searched for the first {searched} of {faces} faces only."
    return [
        check(
            classifier.id, "R7", "white-box attack possible", True, 0, 1, words,
            attacked_labels=label_set, perturbation=WORST_CASE,
        )
        for label_set in config.labels
    ]  # fmt: skip


def seconds_per_face(classifier: Classifier, images: np.ndarray) -> float:
    """Time of one answer, from one batch, after a first one that may compile.

    Args:
        classifier: any.
        images: float32 (N, H, W, C) in [0, 1], N at least 1.
    """
    classifier.logits(images[:1])
    batch = images[:BATCH_SIZE]
    start = time.perf_counter()
    classifier.logits(batch)
    return (time.perf_counter() - start) / len(batch)


def slowness(classifier: Classifier, seconds: float, queries: int) -> str:
    """A warning in one line when Square on a model may take very long, else empty.

    Args:
        classifier: the model.
        seconds: of one answer.
        queries: answers that Square asks for at most.
    """
    if seconds * queries < LONG:
        return ""
    return (
        f"{classifier.id}: answers {1 / seconds:.0f} faces a second, and square asks up to "
        f"{queries:,} times: up to {seconds * queries / 3600:.0f} hours. --limit or --eps shorten "
        "that."
    )
