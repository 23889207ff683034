"""A window of a clip: the frames that are attacked together, and what is kept of them.

Memory holds the pixels of one window at a time, whatever the clip's length; only its logits are
kept. Not here: the reading of the whole clip (`evaluation/readings/measure.py`).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from attacks.clips.attacked_clip import FaceClip
from attacks.clips.suite import ClipAttack, attack_clip
from attacks.sets.chunks import Arrays
from evaluation.readings.source_clip import SourceClip
from fer_models.classifier import DifferentiableClassifier
from fer_models.smoothing.smoother import Smoother

MOST_PIXELS = 250 * 224 * 224
"""Most pixels of a window: 250 frames of 224x224 pixels, or 5,444 of 48x48. Attacks hold some forty
copies of them."""


class Plan(NamedTuple):
    """How clips are attacked: smoothers, ascending eps grid, gradient steps."""

    smoothers: Sequence[Smoother]
    grid: Sequence[float]
    steps: int


def windows(count: int, side: int) -> list[slice]:
    """Divide frames into as few windows as memory allows, of about the same length.

    Args:
        count: number of frames, at least 1.
        side: side of the crops, in pixels.
    """
    parts = -(-count // max(1, MOST_PIXELS // side**2))
    ends = [count * part // parts for part in range(parts + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


def measure_window(
    classifier: DifferentiableClassifier,
    source: SourceClip,
    frames: slice,
    plan: Plan,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Arrays:
    """Attack and read a window.

    Logits are those of the final images, asked anew, not what an attack saw on its way.

    Args:
        classifier: the model that reads, and is attacked.
        source: the clip.
        frames: which of its frames.
        plan: how they are attacked.
        seed: random seed.
        progress: called with each eps before its attacks.

    Returns:
        `seconds`, `expected` and `scored` of the frames, their `clean` logits, and those of each
        attack, see `attacked`.
    """
    images = source.images(classifier, frames)
    clean = classifier.logits(images)
    expected, scored = source.expected(classifier, clean, frames)
    seconds = source.seconds[frames]
    clip = FaceClip(images, seconds, expected, scored, seed, frames.start)
    arrays = {"seconds": seconds, "expected": expected, "scored": scored, "clean": clean}
    for found in attack_clip(classifier, clip, plan.smoothers, plan.grid, plan.steps, progress):
        arrays[attacked(found.attack, found.eps, found.smoother)] = found.clip.logits
    return arrays


def attacked(attack: ClipAttack, eps: float, smoother: Smoother) -> str:
    """Name of the array with the logits under an attack on the reading by a smoother."""
    return f"{attack} {eps!r} {smoother.name}"
