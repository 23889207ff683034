"""Do the attacks' steps suffice? Blocks of frames are attacked once more, with twice as many (R6).

The blocks are attacked with either number of steps, each as a clip of its own, so that nothing but
the steps differs; of a random defence a gradient averages over twice as many draws, too.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from attacks.sets.chunks import Arrays
from attacks.threat_model import format_eps
from datasets.base.percentages import in_percent
from evaluation.checks.convergence import CONVERGED
from evaluation.checks.rules import Check, check
from evaluation.readings.measure import unbroken, worst_cases
from evaluation.readings.window import Plan
from evaluation.results.reading import ADAPTIVE, LABELS, UNSMOOTHED

BLOCK = 50
"""Frames of a block."""
EVERY = 250
"""A clip has a block for this many of its frames, and at least one."""
MOST_BLOCKS = 4
"""Most blocks per model and kind of reference."""


def blocks(count: int) -> list[slice]:
    """Blocks of a clip with this many frames: evenly spread, or all of a short one."""
    parts = max(1, count // EVERY)
    middles = [count * (2 * part + 1) // (2 * parts) for part in range(parts)]
    starts = [max(0, min(middle - BLOCK // 2, count - BLOCK)) for middle in middles]
    return [slice(start, min(start + BLOCK, count)) for start in starts]


class Twice(NamedTuple):
    """A block under attack with the steps of the run, and with twice as many."""

    once: Arrays
    twice: Arrays


def check_converged(model: str, reference: str, found: Sequence[Twice], plan: Plan) -> Check:
    """R6 for the adaptive attack, which is the worst case: by how much twice the steps lower it.

    Args:
        model: id of the attacked model.
        reference: what readings are compared with.
        found: the blocks.
        plan: how they were attacked.

    Returns:
        A row as of `checks.parquet`, `attacked_labels` being the reference.
    """
    scored = sum(int(block.once["scored"].sum()) for block in found)
    steps = list(_steps(found, plan))
    worst = max(steps, key=lambda step: step.before - step.after)
    broken = max(worst.before - worst.after, 0)
    change, limit = broken / max(scored, 1), max(CONVERGED, 1 / max(scored, 1))
    share = "accuracy" if reference == LABELS else "agreement"
    how = "without smoothing" if worst.smoothing == UNSMOOTHED else f"with {worst.smoothing}"
    words = (
        f"Twice the {plan.steps} steps lower robust {share} at {format_eps(worst.eps)} "
        f"{how} by {in_percent(change, 1)} points on {scored} frames ({broken} of "
        f"{worst.before} unbroken ones break)."
    )
    if flagged := change > limit:
        words += " The attack has not converged: its figures are upper bounds. Raise --steps."
    names = {"attacked_labels": reference, "perturbation": ADAPTIVE}
    return check(model, "R6", "converged", flagged, change, limit, words, **names)


class _Step(NamedTuple):
    eps: float
    smoothing: str
    before: int
    after: int


def _steps(found: Sequence[Twice], plan: Plan) -> Iterator[_Step]:
    """Unbroken frames of all blocks, per smoother and eps."""
    for smoother in plan.smoothers:
        for place, eps in enumerate(plan.grid):
            before, after = (
                sum(
                    unbroken(smoother, block[kind], worst_cases(smoother, block[kind], plan)[place])
                    for block in found
                )
                for kind in (0, 1)
            )
            yield _Step(eps, smoother.name, before, after)
