"""All attacks on one clip over an ascending eps grid."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from attacks.base import Keys
from attacks.clips.adaptive import attack_smoothed, fewest_unbroken
from attacks.clips.ascent import away_from_labels, climb
from attacks.clips.attacked_clip import AttackedClip, FaceClip, Goal, checked
from attacks.clips.reach import reach_classes
from attacks.clips.shapes import key_frame_basis
from attacks.noise import Noise
from attacks.pgd import PGD
from attacks.threat_model import Norm, project
from attacks.universal import learn_universal
from fer_models.classifier import DifferentiableClassifier
from fer_models.smoothing.smoother import RepeaterSmoother, Smoother


class ClipAttack(StrEnum):
    """Attacks on clips, in the order in which they are made.

    noise: a random sign per pixel and frame, the baseline.
    per_frame: PGD on every frame by itself; it knows of no smoothing.
    whole_clip: one perturbation for all frames.
    slow: linear in time between key frames half a second apart.
    adaptive: knows the smoother, and starts from the best of all others.
    """

    NOISE = "noise"
    PER_FRAME = "per_frame"
    WHOLE_CLIP = "whole_clip"
    SLOW = "slow"
    ADAPTIVE = "adaptive"


class Attacked(NamedTuple):
    """An attack's clip at one eps, against the reading by one smoother."""

    attack: ClipAttack
    eps: float
    smoother: Smoother
    clip: AttackedClip


def attack_clip(
    classifier: DifferentiableClassifier,
    clip: FaceClip,
    smoothers: Sequence[Smoother],
    grid: Sequence[float],
    steps: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Attacked]:
    """Attack a clip at each eps of a grid, and yield what each attack hands over.

    An attacker hands over the clip that leaves the fewest frames unbroken, of all that this attack
    made within eps, at smaller ones too; so no figure rises with eps. Noise is no attacker: it is
    drawn once per eps.

    Args:
        classifier: the model to attack.
        clip: its frames.
        smoothers: how frames become a reading; each reading is attacked.
        grid: Linf radii, ascending.
        steps: gradient steps of each attack.
        progress: called with each eps before its attacks.
    """
    classifier = classifier.exact  # type: ignore[assignment]
    clean = checked("clean", classifier, clip, clip.images, 0.0)
    plain = Goal.of(RepeaterSmoother(1), clip, clean.logits)
    goals = [Goal.of(smoother, clip, clean.logits) for smoother in smoothers]
    kept: dict[tuple[ClipAttack, str], list[AttackedClip]] = {}  # none yet, or the best
    for eps in grid:
        progress(f"{255 * eps:.3g}/255")
        found = {ClipAttack.NOISE: _noise(classifier, clip, eps)}
        for attack, images in _unaware(classifier, clip, plain, eps, steps):
            found[attack] = checked(attack, classifier, clip, images, eps)
        reach = reach_classes(classifier, clip, eps=eps, steps=steps)
        for goal in goals:
            name = goal.smoother.name
            for attack, attacked in found.items():
                before = [] if attack is ClipAttack.NOISE else kept.get((attack, name), [])
                kept[attack, name] = [fewest_unbroken(goal, [attacked, *before])]
            given = [clean, *found.values()]
            for attack in ClipAttack:
                given += kept.get((attack, name), [])
            images = attack_smoothed(classifier, clip, goal, given, reach, eps=eps, steps=steps)
            adaptive = checked(ClipAttack.ADAPTIVE, classifier, clip, images, eps)
            kept[ClipAttack.ADAPTIVE, name] = [fewest_unbroken(goal, [adaptive, *given])]
            for attack in ClipAttack:
                yield Attacked(attack, eps, goal.smoother, *kept[attack, name])


def _noise(classifier: DifferentiableClassifier, clip: FaceClip, eps: float) -> AttackedClip:
    attack = Noise(norm=Norm.LINF, eps=eps)
    images = attack(classifier, clip.images, clip.labels, _keys(clip)).images
    return checked(ClipAttack.NOISE, classifier, clip, images, eps)


def _unaware(
    classifier: DifferentiableClassifier, clip: FaceClip, goal: Goal, eps: float, steps: int
) -> Iterator[tuple[ClipAttack, np.ndarray]]:
    """The attacks that know of no smoothing, and their images float32 (T, H, W, C).

    Args:
        classifier: the model to attack.
        clip: its frames.
        goal: the reading without smoothing.
        eps: Linf radius.
        steps: gradient steps, and passes over the clip for the perturbation of all frames.
    """
    alone = PGD(norm=Norm.LINF, eps=eps, steps=steps)
    yield ClipAttack.PER_FRAME, alone(classifier, clip.images, clip.labels, _keys(clip)).images
    rows = np.flatnonzero(clip.scored)
    learnt = learn_universal(
        classifier, clip.images[rows], clip.labels[rows], eps=eps, passes=steps, seed=clip.seed
    )
    whole = project(learnt.apply(clip.images, eps), clip.images, eps, Norm.LINF)
    yield ClipAttack.WHOLE_CLIP, whole
    basis = key_frame_basis(clip.seconds)
    start = np.repeat(eps * learnt.pattern[None], basis.shape[1], axis=0)
    slope = away_from_labels(goal)
    path = climb(classifier, clip.images, start, slope, eps=eps, steps=steps, basis=basis)
    yield ClipAttack.SLOW, fewest_unbroken(goal, path).images


def _keys(clip: FaceClip) -> Keys:
    return Keys(clip.seed, clip.first + np.arange(len(clip.images)))
