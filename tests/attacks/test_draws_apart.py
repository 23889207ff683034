"""Attacks on a random defence, whose own draws may call an image broken before it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from attacks.base import Keys
from attacks.broken import leads
from attacks.clips.ascent import away_from_labels, climb
from attacks.clips.attacked_clip import FaceClip, Goal
from attacks.clips.reach import reach_classes
from attacks.deepfool import LEAST
from attacks.registry import ATTACKS, make_attack
from attacks.threat_model import Norm, distance
from attacks.universal import learn_universal
from fer_models.classifier import Gradients, LeadGradients
from fer_models.defences.base import defend
from fer_models.defences.registry import parse_defence
from fer_models.smoothing.running_mean import RunningMean
from tests.attacks import tiny
from tests.attacks.test_conformance import FEWER
from tests.attacks.test_gradient_attacks import smallest_steps

BOTH = pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
EARLY = pytest.mark.parametrize("share", [0.5, 2.0])
"""The attacker's draws see another class ahead by this share of the largest margin."""
LARGEST = {Norm.LINF: 0.3, Norm.L2: 3.0}
CLIMBING = [
    name
    for name, attack in ATTACKS.items()
    if attack.needs_gradients and not name.startswith("pgd_") and "art_bridge" not in str(attack)
    if name != "transfer"  # its views are no images of the attacked model
]
"""Attacks of our own; ART's ask the logits that judge after every step."""


def setting(share: float) -> tuple[tiny.Apart, np.ndarray, np.ndarray, Keys]:
    """Images of class 0 of a linear net; an attacker sees class 1 lead earlier."""
    net, images = tiny.linear(2), tiny.images(60)
    images = images[net.predict(images) == 0][:20]
    labels = np.zeros(20, np.int64)
    margins = -leads(net.logits(images), labels)
    return tiny.early(net, share * float(margins.max())), images, labels, Keys(0, np.arange(20))


@BOTH
@EARLY
@pytest.mark.parametrize(
    ("name", "options"),
    [("fmn", {}), ("fmn", {"steps": 20}), ("deepfool", {}), ("deepfool", {"steps": 1})],
)
def test_a_minimal_attack_reaches_the_boundary_that_judges(
    name: str, options: dict[str, int], norm: Norm, share: float
) -> None:
    """A linear net has it at margin / ||w_0 - w_1||, whatever the attacker's draws see."""
    classifier, images, labels, keys = setting(share)
    found = make_attack(name, norm, LARGEST[norm], options)(classifier, images, labels, keys)
    assert found.success.all()
    closed = smallest_steps(classifier.judge, images, labels, norm)
    sizes = distance(found.images, images, norm)
    least = 1.1 * LEAST * LARGEST[norm]  # DeepFool's smallest step
    assert (sizes >= closed * 0.999).all() and (sizes <= closed * 1.004 + least).all()


@BOTH
@EARLY
@pytest.mark.parametrize("name", CLIMBING)
def test_no_attack_stops_where_its_own_draws_alone_call_an_image_broken(
    name: str, norm: Norm, share: float
) -> None:
    classifier, images, labels, keys = setting(share)
    closed = np.sort(smallest_steps(classifier.judge, images, labels, norm))
    place = 5 + int(np.argmax(closed[6:16] / closed[5:15]))  # the widest gap in the middle
    eps = float(np.sqrt(closed[place] * closed[place + 1]))
    attack = make_attack(name, norm, eps, FEWER.get(name, {}))
    assert attack(classifier, images, labels, keys).success.sum() == place + 1


class Noting(tiny.Apart):
    """Notes the number of the draws of each gradient."""

    number = 0

    def __init__(self) -> None:
        super().__init__(tiny.conv(7), tiny.conv(7).symbolic_logits)
        self.asked = list[int]()

    @contextmanager
    def drawn(self, number: int) -> Iterator[None]:
        self.number = number
        yield
        self.number = 0

    def input_gradients(self, *given: Any) -> Gradients:
        self.asked.append(self.number)
        return super().input_gradients(*given)

    def lead_gradients(self, *given: Any) -> LeadGradients:
        self.asked.append(self.number)
        return super().lead_gradients(*given)


@pytest.mark.parametrize("name", [*CLIMBING, "transfer"])
def test_each_step_has_draws_of_its_own(name: str) -> None:
    classifier, images = Noting(), tiny.images(6)
    labels, keys = classifier.predict(images), Keys(0, np.arange(6))
    make_attack(name, Norm.LINF, 1e-4, FEWER.get(name, {}))(classifier, images, labels, keys)
    climbs = np.split(classifier.asked, np.flatnonzero(np.array(classifier.asked) == 0))
    assert (max(map(len, climbs)) > 1) == (name != "fgsm")
    assert all(climb.tolist() == [*range(len(climb))] for climb in climbs)


@pytest.mark.parametrize("defence", ["smooth0.1", "resize_pad6"])
@pytest.mark.parametrize("name", ["apgd_chosen", "fmn", "deepfool", "ensemble"])
def test_what_is_drawn_does_not_depend_on_the_batch(name: str, defence: str) -> None:
    classifier = defend(tiny.conv(7), parse_defence(defence), defence)
    images, keys = tiny.images(9), Keys(0, np.arange(9))
    labels = classifier.predict(images)
    attack = make_attack(name, Norm.LINF, 0.02, FEWER[name])
    together = attack(classifier, images, labels, keys)
    again = attack(classifier, images, labels, keys)
    np.testing.assert_array_equal(again.images, together.images)
    parts = [slice(0, 1), slice(1, 4), slice(4, 9)]
    apart = [attack(classifier, images[p], labels[p], keys.take(p)) for p in parts]
    np.testing.assert_array_equal(np.concatenate([a.success for a in apart]), together.success)
    found = np.concatenate([each.images for each in apart])
    assert np.quantile(np.abs(found - together.images), 0.9) < 1e-4  # signs of last bits may flip


def test_a_universal_pattern_is_learnt_until_the_judge_is_misled() -> None:
    """Its sign is that of the weights; without a gradient it stayed 0."""
    classifier, images, labels, _ = setting(2.0)
    plain = learn_universal(classifier.judge, images, labels, eps=0.001)
    learnt = learn_universal(classifier, images, labels, eps=0.001)
    assert np.array_equal(learnt.pattern, plain.pattern) and learnt.pattern.any()


def test_frames_of_a_clip_are_moved_until_the_judge_shows_the_class() -> None:
    classifier, images, labels, _ = setting(2.0)
    clip = FaceClip(images, np.arange(20) / 25, labels, np.ones(20, bool), seed=3)
    reached = reach_classes(classifier, clip, eps=0.1, steps=10).reached
    assert reached.all()


def test_an_ascent_of_a_clip_hands_over_the_logits_that_judge() -> None:
    classifier, images, labels, _ = setting(2.0)
    clip = FaceClip(images, np.arange(20) / 25, labels, np.ones(20, bool), seed=3)
    goal = Goal.of(RunningMean(6), clip, classifier.logits(images))
    slope, start = away_from_labels(goal), np.zeros_like(images)
    path = list(climb(classifier, images, start, slope, eps=0.1, steps=8))
    for step in path:
        np.testing.assert_array_equal(step.logits, classifier.logits(step.images))
    left = [int(goal.unbroken(step.logits).sum()) for step in path]
    assert left[0] == 20 and min(left) == 0
