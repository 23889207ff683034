"""The attacks of the tier standard break what its earlier ones broke, by true gradients or not."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from attacks.base import Cost, Keys
from attacks.registry import make_attack
from attacks.threat_model import Norm
from evaluation.checks.suite import BLACK_BOX_SHARE
from evaluation.tiers import TIER_FILES, read_tier
from fer_models.classifier import Classifier
from tests.attacks import tiny

COUNT = 60
BEFORE = (
    ("apgd", {"steps": 40}),
    ("apgd_t", {"steps": 20}),
    ("fmn", {"steps": 100}),
    ("square", {"queries": 1000}),
)
NOW = tuple(
    (attack.name, attack.options)
    for attack in read_tier(TIER_FILES / "standard.toml").attacks
    if attack.name in ("apgd_chosen", "fmn", "ensemble")
)


def broken(
    net: Classifier, attacks: Iterable[tuple[str, dict]], eps: float
) -> tuple[np.ndarray, Cost]:
    """Images that any of the attacks breaks, and the cost of the last attack."""
    images, keys = tiny.images(COUNT), Keys(0, np.arange(COUNT))
    labels, fell = net.predict(images), np.zeros(COUNT, bool)
    for name, options in attacks:
        found = make_attack(name, Norm.LINF, eps, options)(net, images, labels, keys)
        fell |= found.success
    return fell, found.cost


@pytest.mark.parametrize(
    ("net", "eps", "flagged"),
    [
        (lambda: tiny.conv(7), 0.012, False),
        (tiny.quantised, 0.03, True),
        (tiny.misleading, 0.03, True),
    ],
)
def test_nothing_that_was_broken_is_left(
    net: Callable[[], Classifier], eps: float, flagged: bool
) -> None:
    (before, _), (now, cost) = (broken(net(), attacks, eps) for attacks in (BEFORE, NOW))
    assert before.sum() > 10
    assert not (before & ~now).any()
    assert (cost.by_answers.mean() > BLACK_BOX_SHARE) == flagged
