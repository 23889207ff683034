from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from attacks.base import Attack, BudgetError, Cost, Keys
from attacks.corruptions.base import Corruption
from attacks.registry import make_attack
from attacks.threat_model import Norm
from datasets.base.errors import InputError
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
    cost.add(slice(1, 3), Cost(ones, ones, ones))
    assert cost.forward.tolist() == [1, 1, 2]
    assert cost.backward.tolist() == [2, 1, 3]
    assert cost.zero_gradients.tolist() == [0, 1, 1]


@dataclass(frozen=True, kw_only=True)
class Returns(Attack):
    """Adds a constant to every pixel, whatever eps says."""

    shift: float
    name: ClassVar[str] = "returns"

    def _attack(self, classifier, images, labels, keys):
        return images + np.float32(self.shift), Cost.zeros(len(images))


@pytest.mark.parametrize(
    ("norm", "eps", "shift", "message"),
    [
        (Norm.LINF, 0.1, 0.11, "linf norm"),
        (Norm.L2, 0.5, 0.1, "l2 norm 0.8"),  # 0.1 * sqrt(8 * 8) = 0.8
        (Norm.LINF, 1.0, 0.9, "outside"),
        (Norm.LINF, 1.0, np.nan, "outside"),
    ],
)
def test_an_attack_that_leaves_its_budget_is_caught(norm, eps, shift, message):
    attack = Returns(norm=norm, eps=eps, shift=shift)
    with pytest.raises(BudgetError, match=message):
        attack(tiny.conv(3), tiny.images(3), np.zeros(3, np.int64), Keys(0, np.arange(3)))


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
