"""bfloat16 where it is as strong: a trial on a few faces, before a long attack, decides.

A short APGD attacks the model and a bfloat16 copy over the grid; the copy is used when it leaves at
most `POINTS` more robust accuracy than float32. The decision depends on model, faces, seed and
processor, not on a clock, so a resumed run makes the same decision.
"""

from collections.abc import Sequence

import numpy as np

from attacks.apgd import APGD
from attacks.base import Keys
from attacks.sets.spec import AttackSpec, PerturbationSpec
from attacks.threat_model import Norm
from datasets.base.percentages import in_percent
from datasets.image_source import ImageSource
from fer_models.classifier import Classifier

FACES = 250
"""Maximum number of faces that the trial attacks."""
STEPS = 10
POINTS = 0.002
"""Robust accuracy, averaged over the grid, that the copy may leave above float32."""
BUDGETS = ("steps", "targeted_steps", "minimal_steps", "queries")
"""Options of attacks that are counts of gradients or queries."""
WORTH = 20
"""Planned passes per pass of the trial; with fewer, the trial costs more than it saves."""


def try_reduced_precision(
    classifier: Classifier,
    images: ImageSource,
    labels: np.ndarray,
    row_ids: np.ndarray,
    specs: Sequence[AttackSpec],
    planned: int,
) -> tuple[Classifier, str]:
    """The classifier to attack, in reduced precision if that is faster and just as strong.

    Args:
        classifier: the model to attack.
        images: float32 (N, H, W, C) in [0, 1]; the trial uses the first ones.
        labels: int64 (N,) in [0, K).
        row_ids: int64 (N,).
        specs: planned attacks that may use reduced precision, all under one norm.
        planned: passes of these attacks in all, see `passes`.

    Returns:
        The given classifier or a `ReducedPrecision`, and the reason, empty without a trial.
    """
    grid = sorted({eps for spec in specs for eps in spec.grid if eps > 0})
    keys, part = Keys(specs[0].seed if specs else 0, row_ids[:FACES]), slice(FACES)
    if not grid or planned <= WORTH * 2 * len(keys.row_ids) * len(grid) * STEPS:
        return classifier, ""
    if not classifier.may_reduce_precision:
        return classifier, "only a Keras model has a bfloat16 twin"
    from fer_models.reduced_precision import NoTwinError, reduce_precision

    try:
        reduced = reduce_precision(classifier)
    except NoTwinError as reason:
        return classifier, str(reason)
    norm = specs[0].norm
    exact, less = (
        _robust_accuracy(side, images[part], labels[part], keys, norm, grid)
        for side in (classifier, reduced)
    )
    words = (
        f"on {len(keys.row_ids)} faces a short attack leaves {in_percent(less, 2)} % in bfloat16, "
        f"{in_percent(exact, 2)} % in float32"
    )
    return (classifier if less > exact + POINTS else reduced), words


def passes(spec: PerturbationSpec, count: int) -> int:
    """Largest number of gradients or queries of an attack on `count` images."""
    each = sum(int(spec.options.get(name) or 0) for name in BUDGETS)
    repeats = [int(spec.options.get(name) or 1) for name in ("restarts", "targets")]
    return count * len(spec.grid) * each * repeats[0] * repeats[1]


def _robust_accuracy(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    keys: Keys,
    norm: Norm,
    grid: Sequence[float],
) -> float:
    """Mean robust accuracy over ascending eps."""
    active, shares = np.flatnonzero(classifier.predict(images) == labels), []
    for eps in grid:
        attack = APGD(norm=norm, eps=eps, steps=STEPS)
        result = attack(classifier, images[active], labels[active], keys.take(active))
        active = active[~result.success]
        shares.append(len(active) / len(images))
    return float(np.mean(shares))
