"""Black boxes, models that give no gradients: a check on their figures, and a time estimate."""

import time

from attacks.registry import ATTACKS
from attacks.transfer import Transfer
from datasets.image_source import ImageSource
from evaluation.checks.rules import Check, check
from evaluation.config import RunConfig
from evaluation.results.schema import WHITE_BOX, WORST_CASE
from evaluation.tier_attacks import attacks_on, is_black_box
from fer_models.classifier import BATCH_SIZE, Classifier
from fer_models.services.classifier import service_of

LONG = 3600.0
"""Seconds of queries to one model above which a run warns."""


def black_box_checks(classifier: Classifier, config: RunConfig, faces: int) -> list[Check]:
    """Flag the worst case of a black box: without a white-box attack R7 cannot be checked.

    Args:
        classifier: the model.
        config: configuration of the run.
        faces: number of faces in the run.
    """
    if not is_black_box(classifier):
        return []
    able = attacks_on(classifier, config)
    asking = [
        attack
        for attack in able
        if ATTACKS[attack.name].by_answers and not ATTACKS[attack.name].lacks(classifier)
    ]
    ways = ["by queries"] if asking else []
    if any(ATTACKS[attack.name] is Transfer for attack in able):
        ways.append("by transfer from other models")
    why = f" ({classifier.no_gradients})" if classifier.no_gradients else ""
    words = (
        f"The model gives no gradients{why}, so it was attacked "
        f"{' and '.join(ways) or 'with noise only'}. Its robust accuracy is an upper bound: an "
        "attacker with access to the gradients may break more."
    )
    if service := service_of(classifier):
        words += " It is a service that is sent images rounded to 8 bits"
        words += " and returns a label only." if service.file.labels_only else "."
    searched = max((attack.limit or faces for attack in asking), default=faces)
    if searched < faces:
        words += f" Queries attacked only the first {searched} of {faces} faces."
    return [
        check(
            classifier.id, "R7", WHITE_BOX, True, 0, 1, words,
            attacked_labels=label_set, perturbation=WORST_CASE,
        )
        for label_set in config.labels
    ]  # fmt: skip


def seconds_per_face(classifier: Classifier, images: ImageSource) -> float:
    """Measure seconds per face on one batch, after a first call that may compile.

    A service is not asked again: what it has answered so far tells its speed.

    Args:
        classifier: any model.
        images: float32 (N, H, W, C) in [0, 1], N at least 1.
    """
    if service := service_of(classifier):
        return service.seconds_per_image
    classifier.logits(images[:1])
    batch = images[:BATCH_SIZE]
    start = time.perf_counter()
    classifier.logits(batch)
    return (time.perf_counter() - start) / len(batch)


def slowness(classifier: Classifier, seconds: float, queries: int) -> str:
    """Return one line of warning if Square may take very long on a model, else an empty text.

    Args:
        classifier: the model.
        seconds: time per face.
        queries: largest number of queries that Square makes.
    """
    if seconds * queries < LONG:
        return ""
    return (
        f"{classifier.id}: classifies {1 / seconds:.0f} faces per second, and Square makes up to "
        f"{queries:,} queries: up to {seconds * queries / 3600:.0f} hours. A smaller --limit or "
        "fewer --eps values shorten that."
    )
