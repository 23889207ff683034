"""The reading of a clip by a model, clean and under every attack, by every smoother: its frames.

Windows are attacked one by one (`evaluation/readings/window.py`); read is the whole clip, so
smoothing does not start anew where a window does.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attacks.clips.attacked_clip import Goal
from attacks.clips.suite import ClipAttack
from attacks.sets.chunks import Arrays
from evaluation.readings.window import Plan, attacked
from evaluation.results.reading import CLEAN, FRAME_COLUMNS
from fer_models.classifier import Classifier
from fer_models.loss_slopes import loss_slope
from fer_models.losses import Loss
from fer_models.smoothing.smoother import Smoother


def joined(windows: Sequence[Arrays]) -> Arrays:
    """The windows of a clip, in order, as one."""
    first, *_ = windows
    return {name: np.concatenate([window[name] for window in windows]) for name in first}


def frame_rows(
    classifier: Classifier, name: str, reference: str, measured: Arrays, plan: Plan
) -> pd.DataFrame:
    """One row per frame, smoother, attack and eps.

    Args:
        classifier: the model that read the clip.
        name: what the clip is called.
        reference: what its readings are compared with.
        measured: its windows, joined.
        plan: how it was attacked.

    Returns:
        Rows with `FRAME_COLUMNS`.
    """
    clean, expected = measured["clean"], measured["expected"]
    names = np.array(classifier.scheme.classes)
    fixed = {
        "model": classifier.id,
        "clip": name,
        "reference": reference,
        "frame": np.arange(len(clean)),
        "seconds": measured["seconds"],
        "expected": names[expected],
        "scored": measured["scored"],
        "margin": -loss_slope(Loss.MARGIN, clean, expected).loss,
    }

    def rows(smoother: Smoother, perturbation: str, eps: float, logits: np.ndarray) -> pd.DataFrame:
        read = {
            "smoothing": smoother.name,
            "perturbation": perturbation,
            "eps": eps,
            "reading": names[smoother.labels(logits)],
        }
        return pd.DataFrame({**fixed, **read})[list(FRAME_COLUMNS)]

    parts = [rows(smoother, CLEAN, 0.0, clean) for smoother in plan.smoothers]
    handed = {smoother.name: _handed_over(smoother, measured, plan) for smoother in plan.smoothers}
    for place in range(len(plan.grid)):
        for smoother in plan.smoothers:
            for attack, logits in handed[smoother.name][place].items():
                parts.append(rows(smoother, attack, plan.grid[place], logits))
    return pd.concat(parts, ignore_index=True)


def unbroken(smoother: Smoother, measured: Arrays, logits: np.ndarray) -> int:
    """Number of frames whose reading is as expected, without attack and with these logits."""
    return int(_goal(smoother, measured).unbroken(logits).sum())


def worst_cases(smoother: Smoother, measured: Arrays, plan: Plan) -> list[np.ndarray]:
    """Logits float32 (T, K) that the adaptive attack hands over, at each eps."""
    return [handed[ClipAttack.ADAPTIVE] for handed in _handed_over(smoother, measured, plan)]


def _goal(smoother: Smoother, measured: Arrays) -> Goal:
    right = smoother.labels(measured["clean"]) == measured["expected"]
    return Goal(smoother, measured["expected"], right & measured["scored"])


def _handed_over(
    smoother: Smoother, measured: Arrays, plan: Plan
) -> list[dict[ClipAttack, np.ndarray]]:
    """What each attack hands over at each eps, as in `attack_clip`, but for the whole clip.

    A window was attacked as if nothing came before it. What came before can make a frame more or
    less robust, so the choice among what was found is made again.
    """
    goal, kept = _goal(smoother, measured), dict[ClipAttack, np.ndarray]()

    def best(*found: np.ndarray) -> np.ndarray:
        return min(found, key=lambda logits: int(goal.unbroken(logits).sum()))

    chosen = []
    for eps in plan.grid:
        for attack in ClipAttack:
            logits = measured[attacked(attack, eps, smoother)]
            again = [] if attack is ClipAttack.NOISE else [kept.get(attack, logits)]
            others = [measured["clean"], *kept.values()] if attack is ClipAttack.ADAPTIVE else []
            kept[attack] = best(logits, *again, *others)
        chosen.append(dict(kept))
    return chosen
