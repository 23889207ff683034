"""Attacks that know how a reading is smoothed, and start from the best that other attacks found."""

from collections.abc import Iterable, Sequence

import numpy as np

from attacks.clips.ascent import away_from_labels, climb
from attacks.clips.attacked_clip import AttackedClip, FaceClip, Goal
from attacks.clips.plan import plan_against_repeater
from attacks.clips.reach import Reach
from fer_models.classifier import DifferentiableClassifier
from fer_models.smoothing.smoother import RepeaterSmoother

BLOCK_SECONDS = 1.0
"""Seconds of each piece when a clip is put together from the most successful pieces of others."""


def attack_smoothed(
    classifier: DifferentiableClassifier,
    clip: FaceClip,
    goal: Goal,
    found: Sequence[AttackedClip],
    reach: Reach,
    *,
    eps: float,
    steps: int,
) -> np.ndarray:
    """Attack the smoothed reading of a clip, knowing the smoother.

    Against a repeater, or no smoothing: the best plan over all classes that frames were made to
    show. Against scores: gradient ascent through the smoother, from the best clip there is. Either
    way at least as successful as every clip it was given.

    Args:
        classifier: the model to attack.
        clip: its frames.
        goal: what to break.
        found: clips within eps that other attacks made.
        reach: classes that frames can be made to show, within eps.
        eps: Linf radius.
        steps: gradient steps.

    Returns:
        float32 (T, H, W, C).
    """
    if isinstance(goal.smoother, RepeaterSmoother):
        known = reach.with_clips(found)
        frames = np.arange(len(clip.images))
        plan = plan_against_repeater(known.reached, goal.labels, goal.counted, goal.smoother.repeat)
        return known.images[plan, frames]
    one_class = _one_class_each(reach, fewest_unbroken(goal, found))
    start = _best_start(clip, goal, [*found, *one_class])
    moves = start.images.astype(np.float64) - clip.images
    path = climb(classifier, clip.images, moves, away_from_labels(goal), eps=eps, steps=steps)
    return fewest_unbroken(goal, [start, *path]).images


def fewest_unbroken(goal: Goal, clips: Iterable[AttackedClip]) -> AttackedClip:
    """The clip that leaves the fewest frames unbroken; of equals the first."""
    return min(clips, key=lambda attacked: int(goal.unbroken(attacked.logits).sum()))


def _one_class_each(reach: Reach, elsewhere: AttackedClip) -> list[AttackedClip]:
    """A clip per class that shows it wherever it was reached, and elsewhere another clip."""
    clips = []
    for reached, images, logits in zip(*reach):
        images = np.where(reached[:, None, None, None], images, elsewhere.images)
        clips.append(AttackedClip(images, np.where(reached[:, None], logits, elsewhere.logits)))
    return clips


def _best_start(clip: FaceClip, goal: Goal, found: Sequence[AttackedClip]) -> AttackedClip:
    """The best of some clips and of the clip made of their best pieces."""
    left = np.array([goal.unbroken(attacked.logits) for attacked in found])
    pieces = np.floor((clip.seconds - clip.seconds[0]) / BLOCK_SECONDS).astype(np.int64)
    images, logits = found[0].images.copy(), found[0].logits.copy()
    for piece in np.unique(pieces):
        rows = pieces == piece
        best = found[int(left[:, rows].sum(axis=1).argmin())]
        images[rows], logits[rows] = best.images[rows], best.logits[rows]
    return fewest_unbroken(goal, [*found, AttackedClip(images, logits)])
