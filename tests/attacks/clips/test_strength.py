"""Strength of the attacks on readings of a trained net; minutes, so slow."""

import numpy as np
import pytest

from attacks.clips.attacked_clip import FaceClip, Goal
from attacks.clips.suite import ClipAttack, attack_clip
from datasets.sample import read_sample
from evaluation.readings.planted import plant_clips
from fer_models.smoothing.named import parse_smoothers
from fer_models.zoo import load

pytestmark = pytest.mark.slow
EPS = 0.5 / 255


@pytest.fixture(scope="module")
def left():
    """Share of the counted frames that each attack leaves, by steps, smoother and attack."""
    net, smoothers = load("tiny.fer"), parse_smoothers("repeater:5,mean:12,hmm:0.99")
    clips = plant_clips(read_sample(), 3, seed=0)
    unbroken: dict[tuple, float] = {}
    counted: dict[str, float] = {}
    for number, source in enumerate(clips):
        images = source.images(net)
        logits = net.logits(images)
        clip = FaceClip(images, source.seconds, *source.expected(net, logits), seed=number)
        for steps in (10, 30):
            for found in attack_clip(net, clip, smoothers, (EPS,), steps):
                goal, name = Goal.of(found.smoother, clip, logits), found.smoother.name
                key = steps, name, found.attack
                rest = int(goal.unbroken(net.logits(found.clip.images)).sum())
                unbroken[key] = unbroken.get(key, 0) + rest
                if key[::2] == (10, ClipAttack.NOISE):
                    counted[name] = counted.get(name, 0) + int(goal.counted.sum())
    return {key: rest / counted[key[1]] for key, rest in unbroken.items()}


@pytest.mark.parametrize(
    ("smoother", "lead"), [("repeater:5", 0), ("mean:12", 0.05), ("hmm:0.99", 0.05)]
)
def test_knowing_the_smoother_leaves_clearly_fewer_frames(left, smoother, lead):
    adaptive, plain = (
        left[10, smoother, attack] for attack in (ClipAttack.ADAPTIVE, ClipAttack.PER_FRAME)
    )
    assert plain - adaptive > lead


@pytest.mark.parametrize("smoother", ["none", "repeater:5", "mean:12", "hmm:0.99"])
def test_three_times_the_steps_leave_about_as_many(left, smoother):
    few, many = (left[steps, smoother, ClipAttack.ADAPTIVE] for steps in (10, 30))
    assert few - many < 0.08


@pytest.mark.parametrize("smoother", ["none", "repeater:5", "mean:12", "hmm:0.99"])
def test_what_may_change_more_breaks_more(left, smoother):
    order = (ClipAttack.ADAPTIVE, ClipAttack.SLOW, ClipAttack.WHOLE_CLIP, ClipAttack.NOISE)
    shares = [left[10, smoother, attack] for attack in order]
    assert np.all(np.diff(shares) >= -0.02)
