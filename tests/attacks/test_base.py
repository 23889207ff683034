from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from attacks.base import BATCH_ROWS, Attack, BudgetError, Cost, Keys
from attacks.corruptions.base import Corruption
from attacks.registry import make_attack
from attacks.threat_model import TOLERANCE, Norm
from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from tests.attacks import tiny


def test_draws_hang_on_seed_row_and_restart_only():
    keys = Keys(5, np.array([7, 3]))
    draw = keys.generator(1).random()
    assert keys.take(np.array([1])).generator(0).random() == draw
    assert [g.random() for g in keys.generators()][1] == draw
    others = {
        Keys(6, np.array([3])).generator(0).random(),
        keys.with_restart(1).generator(1).random(),
        keys.generator(0).random(),
        draw,
    }
    assert len(others) == 4


@pytest.mark.parametrize(
    "labels", [np.zeros((6, 1), np.uint8), np.zeros(6), [0] * 6, np.zeros(6, bool)]
)
def test_labels_are_one_whole_number_an_image(labels):
    attack = make_attack("noise", Norm.LINF, 0.1, {})
    with pytest.raises(InputError, match=r"labels must be whole numbers of shape \(N,\)"):
        attack(tiny.conv(3), tiny.images(6), labels, Keys(0, np.arange(6)))


def test_costs_add_up_by_row():
    cost = Cost.zeros(3)
    ones = np.ones(2, np.int64)
    cost.add(np.array([0, 2]), Cost(ones, 2 * ones, 0 * ones))
    cost.add(slice(1, 3), Cost(ones, ones, ones, ones))
    assert cost.forward.tolist() == [1, 1, 2]
    assert cost.backward.tolist() == [2, 1, 3]
    assert cost.zero_gradients.tolist() == [0, 1, 1]
    assert cost.by_answers.tolist() == [0, 1, 1]


class Brightness(Classifier):
    """Class 1 of two for images whose mean is above a half, and what it was asked; no gradients."""

    id, weights_sha256, scheme = "brightness", "none", tiny.scheme(2)

    def _batch_logits(self, images):
        mean = images.mean(axis=(1, 2, 3))
        return np.stack([0.5 - mean, mean - 0.5], axis=1).astype(np.float32)


def grey(count, level=0.25):
    return np.full((count, 8, 8, 1), level, np.float32)


@dataclass(frozen=True, kw_only=True)
class Returns(Attack):
    """Adds a constant to every pixel, whatever eps says, and keeps what it was given."""

    shift: float
    name: ClassVar[str] = "returns"
    norms: ClassVar = (Norm.LINF, Norm.L2, Norm.L1)
    seen: ClassVar[list] = []

    def _attack(self, classifier, images, labels, keys):
        self.seen.append((classifier, images, labels, keys))
        ones = np.ones(len(images), np.int64)
        return images + np.float32(self.shift), Cost(ones, 2 * ones, 3 * ones)


@pytest.fixture
def seen():
    Returns.seen.clear()
    return Returns.seen


def attack(shift, eps=1.0, norm=Norm.LINF, count=3, labels=None, classifier=None, rows=None):
    labels = np.zeros(count, np.int64) if labels is None else labels
    rows = np.arange(count) if rows is None else rows
    run = Returns(norm=norm, eps=eps, shift=shift)
    return run(classifier or Brightness(), grey(count), labels, Keys(0, rows))


@pytest.mark.parametrize(
    ("norm", "eps", "shift", "message"),
    [
        (Norm.LINF, 0.1, 0.11, "linf norm"),
        (Norm.LINF, 0.25, 0.2578125, "linf norm 0.2578125, eps 0.25"),  # 3 % more
        (Norm.LINF, 0.25, 0.25 * (1 + 3e-6), "linf norm"),  # more than a millionth
        (Norm.L2, 0.5, 0.125, "l2 norm 1, eps 0.5"),  # 0.125 * sqrt(8 * 8) = 1
        (Norm.L2, 0.97, 0.125, "l2 norm 1, eps 0.97"),
        (Norm.L1, 7.8, 0.125, "l1 norm 8, eps 7.8"),  # 0.125 * 64 = 8
        (Norm.LINF, 1.0, 0.9, "outside"),
        (Norm.LINF, 1.0, -0.3, "outside"),
        (Norm.LINF, 1.0, np.nan, "outside"),
        (Norm.LINF, 1.0, np.inf, "outside"),
    ],
)
def test_an_attack_that_leaves_its_budget_is_caught(norm, eps, shift, message):
    with pytest.raises(BudgetError, match=f"returns.*{message}"):
        attack(shift, eps, norm)


@pytest.mark.parametrize("shift", [0.25, 0.25 * (1 + 4e-7), -0.25, 0.0])
def test_an_attack_that_keeps_its_budget_passes(shift):
    """A millionth of eps is left to rounding."""
    assert TOLERANCE == 1e-6
    attack(shift, 0.25)


def test_pixels_may_be_black_or_white():
    assert attack(-0.25, 0.25).images.max() == 0
    assert attack(0.75).images.min() == 1


def test_success_is_what_the_classifier_says_of_the_result():
    """From 0.25 a shift of 0.25 leads to a half, where no class leads."""
    labels = np.array([0, 1, 0])
    assert attack(0.2, labels=labels).success.tolist() == [False, True, False]
    assert attack(0.25, labels=labels).success.tolist() == [False, False, False]
    assert attack(0.3, labels=labels).success.tolist() == [True, False, True]


def test_eps_zero_attacks_nothing(seen):
    result = attack(0.3, 0.0, labels=np.array([0, 1, 0]))
    assert not seen and result.images.tobytes() == grey(3).tobytes()
    assert result.success.tolist() == [False, True, False]
    assert not any(part.any() for part in result.cost)


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (100, [100]), (101, [100, 1]), (230, [100, 100, 30])]
)
def test_images_are_attacked_in_batches_of_a_hundred(seen, count, sizes):
    assert BATCH_ROWS == 100
    labels, rows = np.arange(count) % 2, 1000 + np.arange(count)
    result = attack(0.05, count=count, labels=labels, rows=rows)
    assert [len(images) for _, images, _, _ in seen] == sizes
    np.testing.assert_array_equal(np.concatenate([part for _, _, part, _ in seen]), labels)
    np.testing.assert_array_equal(np.concatenate([k.row_ids for *_, k in seen]), rows)
    np.testing.assert_allclose(result.images, 0.3, atol=1e-6)
    assert all(len(part) == count for part in result.cost)
    assert [set(part.tolist()) for part in result.cost] == [{1}, {2}, {3}, {0}]


@pytest.mark.parametrize("reduced", [False, True])
def test_only_attacks_that_know_it_see_reduced_precision(seen, monkeypatch, reduced):
    exact = Brightness()

    class Rounded(Brightness):
        @property
        def exact(self):
            return exact

    monkeypatch.setattr(Returns, "reduced_precision", reduced)
    rounded = Rounded()
    attack(0.05, classifier=rounded)
    assert seen[0][0] is (rounded if reduced else exact)


def test_an_attack_that_needs_gradients_refuses_a_black_box(monkeypatch):
    attack(0.05)
    monkeypatch.setattr(Returns, "needs_gradients", True)
    with pytest.raises(InputError, match="returns needs gradients and brightness has none"):
        attack(0.05)
    assert attack(0.05, classifier=tiny.conv(3)).images.shape == (3, 8, 8, 1)


@pytest.mark.parametrize(
    ("norm", "eps", "fits"),
    [
        (Norm.L2, 8.0, True),  # sqrt(64) = 8
        (Norm.L2, 8.01, False),
        (Norm.L1, 64.0, True),
        (Norm.L1, 64.1, False),
    ],
)
def test_eps_must_fit_the_images(norm, eps, fits):
    if fits:
        attack(0.01, eps, norm)
    else:
        with pytest.raises(InputError, match="`eps` must be in"):
            attack(0.01, eps, norm)


@pytest.mark.parametrize(("norm", "eps"), [(Norm.LINF, 1.1), (Norm.LINF, -0.1), (Norm.L2, -1)])
def test_a_wrong_eps_is_refused_at_once(norm, eps):
    with pytest.raises(InputError, match="`eps` must be"):
        Returns(norm=norm, eps=eps, shift=0)


@pytest.mark.parametrize(("labels", "rows"), [(2, 3), (4, 3), (3, 2), (3, 4)])
def test_images_labels_and_keys_have_one_row_each(labels, rows):
    with pytest.raises(ValueError, match=rf"one row each. Received: 3, {labels}, {rows}$"):
        attack(0.05, labels=np.zeros(labels, np.int64), rows=np.arange(rows))


@pytest.mark.parametrize(("label", "row"), [(-1, 11), (2, 11), (7, 12)])
def test_labels_must_be_classes(label, row):
    labels = np.array([0, 1, 1])
    labels[row - 10 :] = label
    match = rf"in \[0, 2\) for brightness; got {label} for row {row}\. Leave out"
    with pytest.raises(InputError, match=match):
        attack(0.05, labels=labels, rows=np.arange(10, 13))


def test_unsigned_labels_are_labels():
    assert len(attack(0.05, labels=np.array([0, 1, 1], np.uint8)).images) == 3


def test_images_are_checked_first():
    with pytest.raises(ValueError, match="images"):
        Returns(norm=Norm.LINF, eps=0.1, shift=0)(
            Brightness(), grey(2, 1.5), np.zeros(2, np.int64), Keys(0, np.arange(2))
        )


def test_no_images_make_no_result():
    result = attack(0.05, count=0)
    assert result.images.shape == (0, 8, 8, 1) and result.success.shape == (0,)


def test_a_norm_that_an_attack_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(Returns, "norms", (Norm.LINF, Norm.L1))
    with pytest.raises(InputError, match="`norm` must be linf or l1 for returns; got l2"):
        Returns(norm=Norm.L2, eps=0.1, shift=0)
    Returns(norm=Norm.L1, eps=0.1, shift=0)


def test_what_an_attack_does_not_say_it_is_not():
    flags = ("needs_gradients", "by_answers", "reduced_precision", "minimal", "universal")
    assert [flag for flag in flags if getattr(Attack, flag)] == []
    assert Attack.norms == (Norm.LINF, Norm.L2)


@pytest.mark.parametrize(("count", "refused"), [(-1, True), (0, True), (1, False), (2, False)])
def test_settings_that_count_are_at_least_one(count, refused):
    run = Returns(norm=Norm.LINF, eps=0.1, shift=count)
    if refused:
        with pytest.raises(InputError, match=f"`shift` must be at least 1; got {count}"):
            run._check_at_least_one("shift")
    else:
        run._check_at_least_one("shift")


def test_keys_start_without_restart_and_keep_their_rows():
    keys = Keys(5, np.array([7, 3]))
    assert keys.restart == 0 and keys.with_restart(2).restart == 2
    assert keys.with_restart(2).row_ids is keys.row_ids
    expected = np.random.default_rng((5, 3, 0)).random()
    assert keys.generator(1).random() == expected
    assert keys.take(np.array([False, True])).row_ids.tolist() == [3]
    assert keys.take(slice(0, 1)).row_ids.tolist() == [7]


def test_more_images_than_a_batch_are_all_attacked():
    classifier, images = tiny.conv(3), tiny.images(230)
    labels = classifier.predict(images)
    result = Returns(norm=Norm.LINF, eps=0.1, shift=0.05)(
        classifier, images, labels, Keys(0, np.arange(230))
    )
    np.testing.assert_allclose(result.images - images, 0.05, atol=1e-6)


@dataclass(frozen=True)
class Breaks(Corruption):
    """Returns what it is given to return."""

    answer: np.ndarray
    name: ClassVar[str] = "breaks"

    def _corrupt(self, images, severity, keys):
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        np.full((2, 8, 8, 1), 1.1, np.float32),
        np.full((2, 8, 8, 1), np.nan, np.float32),
        np.zeros((2, 8, 8, 1)),
        np.zeros((2, 7, 8, 1), np.float32),
    ],
)
def test_a_corruption_that_leaves_the_range_is_caught(answer):
    with pytest.raises(BudgetError, match="breaks returned"):
        Breaks(answer)(tiny.images(2), 1, Keys(0, np.arange(2)))
