"""Does an attack work on this model? The strongest gradient attack is repeated on a few faces.

Rows of `checks.parquet`: twice the budget changes nothing (R6), larger logits change nothing (R10),
without a limit every face breaks (R4), and a planted example is found (R14).
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from attacks.registry import ATTACKS
from attacks.sets.contents import AdversarialSet
from attacks.threat_model import Norm
from datasets.base.percentages import share_in_percent
from datasets.image_source import ImageSource
from evaluation.checks.attack_again import attack_again
from evaluation.checks.convergence import Doubled, converged, doubled
from evaluation.checks.iterative_attack import iterates
from evaluation.checks.planted_example import planted_example
from evaluation.checks.rules import Check, check, failed_check
from evaluation.listener import is_result
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.linear_head import LinearHead

FACES = 16
"""Maximum number of faces that R4 and R10 attack. R4 flags an attack that fails without a limit on
a quarter of all faces in 99 % of runs. R10 flags one that larger logits rob of a third of what it
breaks, at an eps where half of them break, in 80 % of runs."""
SCALES = (10.0, 100.0)


def can_probe(made: AdversarialSet) -> bool:
    """Whether a set was made by an iterative gradient attack that may change any pixel."""
    return iterates(made.spec.perturbation)


def probe_attack(classifier: Classifier, made: AdversarialSet, clean: ImageSource) -> list[Check]:
    """Run an attack again on a few faces.

    Args:
        classifier: the attacked model.
        made: set of the attack, accepted by `can_probe`.
        clean: float32 (N, H, W, C), clean images of the set's rows.

    Returns:
        A row for each probe, with status `error` where the model failed on it.
    """
    parts = parts_of_probe(classifier, made)
    return joined(classifier, made, [probe_part(classifier, made, clean, part) for part in parts])


class ProbePart(NamedTuple):
    """A part of the probes of an attack; they do not depend on each other.

    Attributes:
        rule: R4, R6, R10 or R14.
        eps: where it attacks; R6 is made at each eps of the grid.
    """

    rule: str
    eps: float


def parts_of_probe(classifier: Classifier, made: AdversarialSet) -> list[ProbePart]:
    """The parts that `probe_attack` has; none where it makes no check."""
    eps = sensitive_eps(made)
    if eps is None or not isinstance(classifier, DifferentiableClassifier):
        return []
    parts = [ProbePart("R6", each) for each in made.spec.grid if each > 0]
    return parts + [ProbePart(rule, eps) for rule in _PROBES if rule != "R6"]


def probe_part(
    classifier: Classifier, made: AdversarialSet, clean: ImageSource, part: ProbePart
) -> Check | Doubled:
    """Make one part, see `probe_attack`."""
    probe = _PROBES[part.rule][1]
    try:
        return probe(classifier, made, clean, part.eps)
    except Exception as error:  # R24: any failure of a model is a result
        if not is_result(error):
            raise
        return failed_part(classifier, part, error)


def joined(
    classifier: Classifier, made: AdversarialSet, found: Sequence[Check | Doubled]
) -> list[Check]:
    """The rows of `probe_attack`.

    Args:
        classifier: the attacked model.
        made: set of the attack.
        found: of each of `parts_of_probe`, in its order.
    """
    spec, at_each_eps = made.spec, [one for one in found if isinstance(one, Doubled)]
    checks = [one for one in found if not isinstance(one, Doubled)]
    if at_each_eps and not any(one["rule"] == "R6" for one in checks):
        checks.insert(0, converged(classifier, made, at_each_eps))
    by_rule = {one["rule"]: one for one in reversed(checks)}  # of several that failed, the first
    where = {"attacked_labels": spec.attacked_labels, "perturbation": spec.perturbation}
    return [by_rule[rule] | where for rule in _PROBES if rule in by_rule]


def failed_part(classifier: Classifier, part: ProbePart, error: Exception) -> Check:
    """What `probe_part` returns where it failed, or could not be made at all."""
    return failed_check(classifier, part.rule, _PROBES[part.rule][0], error)


def sensitive_eps(made: AdversarialSet) -> float | None:
    """The eps at which robust accuracy is nearest to half the clean accuracy; None without any."""
    right = made.smallest_eps[made.smallest_eps != 0]
    grid = [eps for eps in made.spec.grid if eps > 0]
    if not (len(right) and grid):
        return None
    return min(grid, key=lambda eps: abs(float((right <= eps).mean()) - 0.5))


def _scale_invariant(
    classifier: DifferentiableClassifier, made: AdversarialSet, clean: ImageSource, eps: float
) -> Check:
    """R10: logits times 10 and 100, on faces that are classified correctly."""
    sample = np.flatnonzero(made.smallest_eps != 0)[:FACES]
    same = np.eye(classifier.scheme.num_classes)
    louder = [LinearHead(classifier, scale * same) for scale in SCALES]
    smallest, told = made.smallest_eps[sample], made.header.precision == classifier.precision
    told &= not ATTACKS[made.spec.perturbation].minimal
    again = sample[smallest < eps] if told else sample  # the set tells of the others
    plain = int((smallest == eps).sum()) if told else 0
    plain += int(attack_again(classifier, made, clean, again, eps).sum()) if len(again) else 0
    scaled = [int(attack_again(each, made, clean, sample, eps).sum()) for each in louder]
    moved = max(abs(count - plain) for count in scaled)
    share, limit = moved / len(sample), 1 / len(sample)  # one face may flip by rounding
    words = (
        f"With logits 10 and 100 times as large {scaled[0]} and {scaled[1]} of {len(sample)} faces "
        f"break, {plain} with the model's own."
    )
    if flagged := share > limit:
        words += " Confidence hides the gradient: use a loss that rescales logits."
    return check(classifier.id, "R10", "scale invariance", flagged, share, limit, words)


def _unbounded(
    classifier: Classifier, made: AdversarialSet, clean: ImageSource, _eps: float
) -> Check:
    """R4: any pixel may take any value, whatever eps is."""
    sample = np.flatnonzero(made.smallest_eps != 0)[:FACES]
    dims = math.prod(clean.shape[1:])
    widest = {Norm.LINF: 1.0, Norm.L2: math.sqrt(dims), Norm.L1: float(dims)}
    limit = widest[made.spec.norm]
    left = 1 - float(attack_again(classifier, made, clean, sample, limit).mean())
    words = "Every face of a sample breaks when pixels may change without limit."
    if left:
        words = (
            f"{share_in_percent(left)} % of a sample are robust even when pixels may change "
            "without limit: the attack does not work on this model, and its figures mean nothing."
        )
    return check(classifier.id, "R4", "unbounded attack", left > 0, left, 0, words)


_PROBES: dict[str, tuple[str, Callable[..., Check | Doubled]]] = {
    "R6": ("converged", doubled),
    "R10": ("scale invariance", _scale_invariant),
    "R4": ("unbounded attack", _unbounded),
    "R14": ("planted example", planted_example),
}
