"""The rules R1 to R26 with their words, and one row of `checks.parquet`.

The texts are those of docs/evaluation-rules.md. Not here: the checks themselves.
"""

from enum import Enum, StrEnum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from evaluation.listener import one_line
from evaluation.results.schema import ANY_BATCH, AT_THE_END
from fer_models.classifier import Classifier

Check = dict[str, Any]
VOIDING = (ANY_BATCH, AT_THE_END)
"""Checks of R11 whose failure leaves no rank, as rules with `Rank.NONE` do."""


class Rank(StrEnum):
    """What a failed check leaves of a model's rank."""

    KEPT = "kept"
    PROVISIONAL = "provisional"
    """Its robust accuracy may be too high."""
    NONE = "none"
    """Its figures say nothing about the model."""


class Words(NamedTuple):
    """What a rule says.

    Attributes:
        text: the rule.
        title: what its check requires of a run, for readers of a report; empty for a rule that
            only tests check.
        advice: what a failed check means for the figures.
        rank: what a failed check leaves of the model's rank.
    """

    text: str
    title: str = ""
    advice: str = ""
    rank: Rank = Rank.KEPT


class Rule(Enum):
    """What a trustworthy evaluation of robustness must show, by the id in `checks.parquet`."""

    R1 = Words(
        "At eps = 0 the image comes back bit for bit, and accuracy equals clean accuracy.",
    )
    R2 = Words(
        "Every stored adversarial image has norm <= eps (1 + 1e-6), lies in [0, 1] and is "
        "finite. The evaluation predicts again from disk and finds the same success flags. The "
        "8-bit copy, rounded within eps, is checked and counted separately.",
        "Stored images are adversarial when read again",
        "Do not trust the figures of this attack: the stored images do not reproduce them.",
        Rank.PROVISIONAL,
    )
    R3 = Words(
        "Robust accuracy never rises with eps, and neither does that of any single image. At "
        "eps = 0.5 (Linf) it is at most the share of the most frequent class.",
        "The model predicts more than one class",
        "The robust accuracy is the share of that class. Check that the model is loaded as it "
        "was trained, in particular its input range.",
        Rank.NONE,
    )
    R4 = Words(
        "An unbounded attack reaches 100 %; otherwise its row says that the attack is broken. "
        "The median distance is reported, and is never 0 where nothing succeeded.",
        "Without a limit, every face breaks",
        "The attack does not work on this model; its robust accuracy is too high.",
        Rank.NONE,
    )
    R5 = Words(
        "An iterative attack is at least as strong as a single step (PGD's first restart starts "
        "at the clean image with a first step of eps, so it contains FGSM). The worst case is "
        "at least as strong as each of its parts, image by image.",
        "Many small steps beat one large step",
        "The iterative attack is badly tuned; check its step size.",
        Rank.PROVISIONAL,
    )
    R6 = Words(
        "Doubling steps and queries, and the draws over which gradients of a random defence "
        "average, lowers robust accuracy by at most 0.5 percentage points, or by one face; "
        'otherwise the row says "not converged". Where an ensemble, or every attack with '
        "gradients, runs at the headline eps alone, its gradients break at most 2 % of the faces "
        "there that no attack along the curve breaks; otherwise figures at the other eps are upper "
        "bounds. So are all figures of a model with gradients on which no iterative attack by "
        "gradients was made.",
        "More steps or a stronger attack change nothing",
        "The attack has not found all it could: read the robust accuracy as an upper bound, or add "
        "steps or a stronger attack.",
        Rank.PROVISIONAL,
    )
    R7 = Words(
        "A white-box attack is stronger than a black-box one on every image. Images that only a "
        "black-box attack breaks are listed; more than 0.2 % of them indicate gradient masking "
        "and are flagged.",
        "White-box attacks beat black-box attacks",
        "Gradients are masked or missing: read the robust accuracy as an upper bound only.",
        Rank.PROVISIONAL,
    )
    R8 = Words(
        "Random noise of the same norm never beats the attack. It is drawn in the charts as a "
        "baseline.",
        "The attack beats random noise",
        "The attack is no better than noise; ignore it.",
        Rank.PROVISIONAL,
    )
    R9 = Words(
        "Zero gradients are counted, for cross-entropy and for the margin. A NaN is an error, "
        "never a 0.",
        "The model has gradients",
        "Many gradients are zero, so gradient attacks say little about this model.",
        Rank.PROVISIONAL,
    )
    R10 = Words(
        "A model's outputs are logits, or its softmax is found and removed. Multiplying the "
        "logits by 10 and by 100 moves the result by at most 1 point (attack losses rescale the "
        "logits or use a margin).",
        "The model returns logits",
        "Saturated outputs look robust; remove the softmax and run again.",
        Rank.PROVISIONAL,
    )
    R11 = Words(
        "The same batch, classified five times, gets the same logits up to rounding. Otherwise the "
        "model is random, and its figures are flagged; our own random defences answer with the "
        "mean of 20 fixed draws. An image gets the same logits alone, in another batch and in "
        "another order, and at the end of a run as at its beginning; otherwise the model has no "
        "rank.",
        "Same face, same prediction",
        "The model has no single answer to a face. Average the figures of a random one over many "
        "draws; correct any other.",
    )
    R12 = Words(
        "Success at any iterate counts, not only at the last one.",
    )
    R13 = Words(
        "Transfer from a sibling model is not stronger than a white-box attack. The transfer "
        "matrix is in the report.",
        "A transfer attack is not stronger",
        "The direct attack is too weak; use the figure of the transfer attack instead.",
        Rank.PROVISIONAL,
    )
    R14 = Words(
        "Planted example: for a head with a known adversarial example inside the ball, the "
        "attack finds one for at least 95 % of images.",
        "A planted adversarial example is found",
        "The attack misses known weaknesses; add steps.",
        Rank.PROVISIONAL,
    )
    R15 = Words(
        "Non-differentiable preprocessing is attacked end to end with a straight-through "
        "gradient, and the undefended model is shown too.",
    )
    R16 = Words(
        "The number of target classes is min(9, K - 1). The DLR loss is used only for K >= 4, a "
        "margin loss below.",
    )
    R17 = Words(
        "The headline is the worst case over all attacks, taken image by image; never an "
        "average, nor the minimum of the attacks' means.",
    )
    R18 = Words(
        "Every robust figure is shown with clean accuracy, the denominator (all images) and a "
        "95 % interval (Wilson's, exact near 0 and 1). Models are compared by a paired test "
        "(McNemar), and ranked by a paired test of their areas under the security curve, with "
        "Holm's correction; "
        '"not distinguishable" is a possible answer.',
    )
    R19 = Words(
        "Each report holds a positive control: an undefended model that the same settings break "
        "to about 0.",
        "An undefended model breaks",
        "Nothing shows that these settings can break a model: read figures as upper bounds.",
    )
    R20 = Words(
        "All hyper-parameters, seeds, counts of forward and backward passes, and seconds are "
        "recorded. The same seed gives the same flags on the same device.",
    )
    R21 = Words(
        "Accuracy under corruptions falls with severity on average. Severity 0 is clean. Noise "
        "is seeded per image, whatever the order of the batch.",
        "Stronger corruption costs more accuracy",
        "Accuracy rises with severity somewhere; treat the heat map with caution.",
    )
    R22 = Words(
        "Resuming is keyed by weights, data, attack settings and code version; a mismatch is "
        "refused. A run that was killed and resumed gives the same results file.",
    )
    R23 = Words(
        "Random draws depend on the row, not on the batch. Over batch sizes 1, 7 and 64 at most "
        "0.2 % of the flags differ (rounding in the last bit); at the same batch size none do.",
    )
    R24 = Words(
        "An attack that crashed, or never asked for a gradient, is an error row and never "
        "counts as robust; where all but random noise crashed, there is no worst case.",
        "The attack ran",
        "The attack failed, which is not robustness. Read its message and run it again.",
        Rank.PROVISIONAL,
    )
    R25 = Words(
        "No other order of the classes and no other known scaling classifies significantly more "
        "clean faces correctly than the model's contract, and what it calls logits are neither "
        "probabilities nor outputs of a sigmoid.",
        "The contract matches the model",
        "The contract is wrong, so no figure describes the real model. Correct it and run again.",
        Rank.NONE,
    )
    R26 = Words(
        "Gradients are the model's own: near clean faces its answers change over small random "
        "steps as its gradients foretell, on all but 5 % of the faces, and on all but 25 % if fine "
        "steps count as much as coarse ones. A step that declares to pass gradients straight "
        "through (R15) is taken away for this check.",
        "Gradients foretell the model's answers",
        "Attacks follow gradients that are not, or only in part, the model's own: read the robust "
        "accuracy as an upper bound only.",
        Rank.PROVISIONAL,
    )


def failed_rules(checks: pd.DataFrame, model: str, label_set: str, rank: Rank) -> list[str]:
    """Ids of the rules that cost a model its rank, or make it provisional, in their order.

    A check that could not be made has an unknown outcome, so it makes a rank provisional.

    Args:
        checks: rows of `checks.parquet`.
        model: id of the model.
        label_set: label set of the rank; checks of attacks on the other one do not count.
        rank: `Rank.NONE` or `Rank.PROVISIONAL`.
    """
    own = checks[(checks.model == model) & checks.attacked_labels.isin(["", label_set])]
    bad = set(own.rule[own.status != "ok"])
    flagged = own[own.status == "flagged"]
    costs = {r.name for r in Rule if r.value.rank is Rank.NONE} & set(flagged.rule)
    costs |= set(flagged.rule[flagged.check.isin(VOIDING)])
    if rank is Rank.NONE:
        return [r.name for r in Rule if r.name in costs]
    return [r.name for r in Rule if r.name in bad - costs and r.value.rank is not Rank.KEPT]


def check(
    model: str,
    rule: str,
    name: str,
    flagged: bool,
    value: float,
    threshold: float,
    message: str,
    *,
    attacked_labels: str = "",
    perturbation: str = "",
) -> Check:
    """One row of `checks.parquet`."""
    return {
        "model": model,
        "attacked_labels": attacked_labels,
        "perturbation": perturbation,
        "rule": rule,
        "check": name,
        "status": "flagged" if flagged else "ok",
        "value": float(value),
        "threshold": float(threshold),
        "message": message,
    }


def was_not_made(entry: Check) -> bool:
    """Whether a check could not be made, so that its outcome is unknown."""
    return bool(np.isnan(entry["value"]))


def failed_check(classifier: Classifier, rule: str, name: str, error: Exception) -> Check:
    """A check on which the model failed (R24), so the outcome is unknown."""
    said = one_line(error).rstrip(".")
    words = f"{said}. The check could not be made, so its outcome is unknown."
    return check(classifier.id, rule, name, True, np.nan, np.nan, words) | {"status": "error"}
