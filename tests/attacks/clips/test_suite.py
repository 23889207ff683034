"""All attacks on a small clip: budgets, order of strength, and what each may change."""

import numpy as np
import pytest

from attacks.base import BudgetError
from attacks.clips.ascent import away_from_labels, climb
from attacks.clips.attacked_clip import FaceClip, Goal, checked
from attacks.clips.reach import reach_classes
from attacks.clips.shapes import key_frame_basis
from attacks.clips.suite import ClipAttack, attack_clip
from attacks.threat_model import TOLERANCE
from fer_models.smoothing.hidden_markov import HiddenMarkov
from fer_models.smoothing.named import parse_smoothers
from fer_models.smoothing.running_mean import RunningMean
from tests.attacks.tiny import conv, images

GRID = (0.0, 0.008, 0.02)
SMOOTHERS = parse_smoothers("repeater:4,mean:6,hmm:0.9")


def moving(frames=40, classes=4) -> FaceClip:
    """Three faces in turn, each with a little noise, labelled by the net itself."""
    faces = images(3, seed=5)
    order = np.arange(frames) * 3 // frames
    noise = np.random.default_rng(1).normal(0, 0.01, (frames, *faces.shape[1:]))
    clip = np.clip(faces[order] + noise, 0, 1).astype(np.float32)
    labels = conv(classes).predict(faces)[order]
    scored = np.arange(frames) % 13 != 0
    return FaceClip(clip, np.arange(frames) / 25, labels, scored, seed=3)


@pytest.fixture(scope="module")
def made():
    clip = moving()
    found = list(attack_clip(conv(4), clip, SMOOTHERS, GRID, steps=6))
    return clip, {(a.attack, a.eps, a.smoother.name): a for a in found}


def unbroken(made, attack, eps, name):
    clip, found = made
    entry = found[attack, eps, name]
    goal = Goal.of(entry.smoother, clip, conv(4).logits(clip.images))
    return int(goal.unbroken(conv(4).logits(entry.clip.images)).sum()), int(goal.counted.sum())


def test_every_clip_keeps_its_budget_and_its_logits(made):
    clip, found = made
    assert len(found) == len(ClipAttack) * len(GRID) * len(SMOOTHERS)
    for (_, eps, _), entry in found.items():
        moved = np.abs(entry.clip.images.astype(np.float64) - clip.images).max()
        assert moved <= eps * (1 + TOLERANCE)
        assert entry.clip.images.min() >= 0 and entry.clip.images.max() <= 1
        np.testing.assert_allclose(
            conv(4).logits(entry.clip.images), entry.clip.logits, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("smoother", [s.name for s in SMOOTHERS])
def test_no_attack_breaks_a_frame_at_eps_0(made, smoother):
    for attack in ClipAttack:
        left, counted = unbroken(made, attack, 0.0, smoother)
        assert left == counted > 0
        assert (made[1][attack, 0.0, smoother].clip.images == made[0].images).all()


@pytest.mark.parametrize("smoother", [s.name for s in SMOOTHERS])
def test_no_attack_is_stronger_than_the_adaptive_one_and_none_weakens_with_eps(made, smoother):
    for eps in GRID:
        best, _ = unbroken(made, ClipAttack.ADAPTIVE, eps, smoother)
        for attack in ClipAttack:
            assert best <= unbroken(made, attack, eps, smoother)[0]
    for attack in set(ClipAttack) - {ClipAttack.NOISE}:
        left = [unbroken(made, attack, eps, smoother)[0] for eps in GRID]
        assert left == sorted(left, reverse=True)


@pytest.mark.parametrize("smoother", ["mean:6", "hmm:0.9"])
def test_knowing_the_smoother_breaks_more_than_pgd_per_frame(made, smoother):
    plain = unbroken(made, ClipAttack.PER_FRAME, GRID[1], smoother)[0]
    assert unbroken(made, ClipAttack.ADAPTIVE, GRID[1], smoother)[0] < plain


def test_a_perturbation_of_the_whole_clip_is_one_and_a_slow_one_is_slow(made):
    clip, found = made
    change = {
        attack: found[attack, 0.02, "none"].clip.images.astype(np.float64) - clip.images
        for attack in ClipAttack
    }
    assert np.ptp(change[ClipAttack.WHOLE_CLIP], axis=0).max() < 1e-6
    steps = {attack: np.abs(np.diff(moves, axis=0)).max() for attack, moves in change.items()}
    assert steps[ClipAttack.SLOW] <= 2 * 0.02 / (0.5 * 25) + 1e-6
    assert steps[ClipAttack.PER_FRAME] > steps[ClipAttack.SLOW]


def test_key_frames():
    basis = key_frame_basis(np.arange(26) / 25)
    assert basis.shape == (26, 3)
    assert key_frame_basis(np.arange(38) / 25).shape == (38, 3)  # none closer than half a second
    np.testing.assert_allclose(basis.sum(axis=1), 1)
    np.testing.assert_allclose(basis @ [0.0, 1.0, 0.0], 1 - np.abs(np.arange(26) / 12.5 - 1))
    assert key_frame_basis(np.zeros(1)).tolist() == [[1.0]]


@pytest.mark.parametrize("smoother", [RunningMean(6), HiddenMarkov(0.9)])
def test_the_slope_is_the_derivative_of_the_smoothed_margins(smoother):
    logits = np.random.default_rng(0).standard_normal((12, 4))
    labels = np.full(12, 2)
    goal = Goal(smoother, labels, np.ones(12, bool))
    found = away_from_labels(goal)(logits)

    def total(z):
        scores = smoother.smooth(z).scores
        others = np.where(np.eye(4, dtype=bool)[labels], -np.inf, scores).max(axis=1)
        margins = others - scores[np.arange(12), labels]
        return margins[waiting].sum()

    scores = smoother.smooth(logits).scores
    others = np.where(np.eye(4, dtype=bool)[labels], -np.inf, scores).max(axis=1)
    waiting = others - scores[np.arange(12), labels] < 0.05 * np.ptp(scores, axis=1)
    for place in [(0, 0), (3, 2), (7, 1), (11, 3)]:
        step = np.zeros_like(logits)
        step[place] = 1e-6
        slope = (total(logits + step) - total(logits - step)) / 2e-6
        assert found[place] == pytest.approx(slope, abs=1e-5)


def test_classes_are_reached_within_eps():
    clip = moving()
    far = reach_classes(conv(4), clip, eps=0.2, steps=10)
    near = reach_classes(conv(4), clip, eps=0.0, steps=3)
    shown = conv(4).predict(clip.images)
    assert (near.reached == np.eye(4, dtype=bool)[shown].T).all()
    assert far.reached.sum() > near.reached.sum()
    assert np.abs(far.images - clip.images).max() <= 0.2 * (1 + TOLERANCE)
    for target in range(4):
        rows = far.reached[target]
        assert (conv(4).predict(far.images[target])[rows] == target).all()


def test_an_ascent_through_the_mean_raises_what_it_climbs():
    clip = moving()
    goal = Goal.of(RunningMean(6), clip, conv(4).logits(clip.images))
    path = climb(
        conv(4), clip.images, np.zeros_like(clip.images), away_from_labels(goal), eps=0.01, steps=8
    )
    left = [int(goal.unbroken(step.logits).sum()) for step in path]
    assert len(left) == 9 and min(left) < left[0]


def test_a_clip_outside_its_budget_is_no_result():
    clip = moving()
    with pytest.raises(BudgetError, match="slow: linf norm"):
        checked("slow", conv(4), clip, np.clip(clip.images + 0.1, 0, 1), 0.05)
