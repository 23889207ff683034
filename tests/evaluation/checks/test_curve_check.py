"""R6 compares the curve with an ensemble that runs at the headline eps alone."""

import numpy as np
import pytest

from attacks.threat_model import Norm
from datasets.labels import FER7
from evaluation.checks.rules import Check
from evaluation.checks.suite import suite_checks
from evaluation.config import AttackSettings
from evaluation.results.schema import AWAY_FROM_HEADLINE
from tests.evaluation import tiny
from tests.evaluation.held_rows import HeldRows, rows


@pytest.mark.parametrize(
    ("ensemble", "searched", "along", "expected"),
    [
        (3, set(), 0, "flagged"),
        (2, set(), 0, "ok"),  # 2 of 100 are at the limit
        (3, set(), 1, "ok"),  # an attack along the curve broke one of the three
        (100, set(), 97, "flagged"),
        (100, set(), 98, None),  # it leaves so few that the check cannot fail
        (3, {0}, 0, "ok"),  # its search alone broke one: R7's concern
        (3, None, 0, None),  # a set of an older version does not tell
    ],
)
def test_a_curve_without_the_ensemble_is_an_upper_bound_where_that_broke_more(
    ensemble: int, searched: set[int] | None, along: int, expected: str | None
) -> None:
    def broken(count: int) -> list[float]:
        return [0.02] * count + [np.nan] * (100 - count)

    images = HeldRows(rows({"apgd": broken(along), "pgd": broken(9), "ensemble": broken(ensemble)}))
    told = {} if searched is None else {("tiny.fer", "fer"): searched}

    def found(*headline_only: Norm, eps: tuple[float, ...] = (0.02, 0.1)) -> list[Check]:
        short = [
            AttackSettings(name=name, headline_only=headline_only) for name in ("pgd", "ensemble")
        ]
        config = tiny.config(attacks=(AttackSettings(name="apgd"), *short), eps=eps)
        checks = suite_checks(images, {"tiny.fer": FER7}, config, told)
        return [one for one in checks if one["check"] == AWAY_FROM_HEADLINE]

    checks = found(Norm.LINF)
    assert [one["status"] for one in checks] == [expected] * (expected is not None)
    if expected == "flagged":
        assert (checks[0]["rule"], checks[0]["perturbation"]) == ("R6", "apgd")
        message = checks[0]["message"]
        assert message.startswith(
            "Of 100 faces the gradients of `ensemble`, which ran at 5.1/255 al"
        )
        assert f"break {ensemble - along}.0 % there that no attack that ran at every eps" in message
        assert "upper bound" in message and "--tier full" in message
    assert not found()  # it ran along the curve
    assert not found(Norm.LINF, eps=(0.0, 0.02))  # nor is there another eps


@pytest.mark.parametrize("along", [(), ("noise",)])
@pytest.mark.parametrize(("fallen", "expected"), [(12, "flagged"), (2, None)])
def test_a_curve_without_gradients_is_an_upper_bound(
    along: tuple[str, ...], fallen: int, expected: str | None
) -> None:
    """PGD runs at the headline eps alone; clean, ten faces of the hundred are misread."""
    found = [0.0] * 10 + [0.02] * fallen + [np.nan] * (90 - fallen)
    nothing = [0.0] * 10 + [np.nan] * 90
    images = HeldRows(rows({"pgd": found} | dict.fromkeys(along, nothing)))
    attacks = (
        *(AttackSettings(name=name) for name in along),
        AttackSettings(name="pgd", headline_only=(Norm.LINF,)),
    )
    checks = suite_checks(images, {"tiny.fer": FER7}, tiny.config(attacks=attacks))
    (one,) = [one for one in checks if one["check"] == AWAY_FROM_HEADLINE]
    assert (one["rule"], one["status"]) == ("R6", expected or "ok")
    assert one["message"].startswith(
        "Of 100 faces the gradients of `pgd`, which ran at 5.1/255 alone"
    )
    assert f"break {fallen}.0 % there that no attack" in one["message"]
