"""bfloat16 where it is as strong: a model's twin is tried on a few faces before a long attack.

Both run a short APGD over the grid, and the twin is used when it leaves at most `POINTS` more
robust accuracy than float32. The decision depends on model, faces, seed and processor, not on a
clock, so a resumed run decides in the same way.
"""

from collections.abc import Sequence

import numpy as np

from attacks.apgd import APGD
from attacks.base import Keys
from attacks.sets.spec import AttackSpec, PerturbationSpec
from attacks.threat_model import Norm
from datasets.base.percentages import in_percent
from fer_models.classifier import Classifier
from fer_models.reduced_precision import NoTwinError, reduce_precision

FACES = 250
"""Faces that the trial attacks, at most."""
STEPS = 10
POINTS = 0.002
"""How much more robust accuracy, on average over the grid, the twin may leave than float32."""
BUDGETS = ("steps", "targeted_steps", "minimal_steps", "queries")
"""Options of attacks that count gradients or queries."""
WORTH = 20
"""Passes planned per pass of the trial; with fewer, the trial costs what it saves."""


def try_reduced_precision(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    row_ids: np.ndarray,
    specs: Sequence[AttackSpec],
    planned: int,
) -> tuple[Classifier, str]:
    """The classifier to attack, in reduced precision if that pays and the attacks stay as strong.

    Args:
        classifier: the model to attack.
        images: float32 (N, H, W, C) in [0, 1]; the first ones serve the trial.
        labels: int64 (N,) in [0, K).
        row_ids: int64 (N,).
        specs: attacks to come that may use reduced precision, all under one norm.
        planned: passes of these attacks in all, see `passes`.

    Returns:
        The classifier given, or a `ReducedPrecision`; and why, empty where nothing was tried.
    """
    grid = sorted({eps for spec in specs for eps in spec.grid if eps > 0})
    keys, part = Keys(specs[0].seed if specs else 0, row_ids[:FACES]), slice(FACES)
    if not grid or planned <= WORTH * 2 * len(keys.row_ids) * len(grid) * STEPS:
        return classifier, ""
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
    """Gradients or queries that an attack on `count` images plans, at most."""
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
    """Mean over ascending eps of the share that is right on clean and attacked images."""
    active, shares = np.flatnonzero(classifier.predict(images) == labels), []
    for eps in grid:
        attack = APGD(norm=norm, eps=eps, steps=STEPS)
        result = attack(classifier, images[active], labels[active], keys.take(active))
        active = active[~result.success]
        shares.append(len(active) / len(images))
    return float(np.mean(shares))
