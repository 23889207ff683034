"""What the probes of an attack ask for, and where each begins to flag; attacks are scripted."""

from dataclasses import replace

import numpy as np
import pytest

from attacks.threat_model import Norm
from datasets.base.errors import InputError
from evaluation.checks import attack_again, convergence, probes
from evaluation.checks.convergence import converged, doubled
from evaluation.checks.probes import can_probe, probe_attack, sensitive_eps
from evaluation.checks.rules import Check
from fer_models.classifier import ModelError
from tests.attacks.tiny import BlackBox
from tests.evaluation.checks.scripted import Asked, LinearNet, Script, faces_of, set_of

NAN = np.nan
MIXED = ([0.1] * 8 + [NAN] * 8) * 2
"""Half of the faces break at 0.1, every sixteen in a row the same."""
HALF = [0.1] * 20 + [NAN] * 20
"""Half of the faces break at 0.1, the others never: 0.1 is the sensitive eps."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    found = Script()
    for module in (attack_again, convergence):
        monkeypatch.setattr(module, "make_attack", found.make_attack)
    monkeypatch.setitem(probes._PROBES, "R14", ("planted example", lambda *_: {"rule": "R14"}))
    return found


def probed(smallest_eps: list[float], rule: str, **settings: object) -> Check:
    """The check of one rule; every face has the label that the model predicts."""
    made = set_of(smallest_eps, **settings)  # type: ignore[arg-type]
    made = replace(made, labels=LinearNet().predict(faces_of(made)))
    (found,) = [
        entry for entry in probe_attack(LinearNet(), made, faces_of(made)) if entry["rule"] == rule
    ]
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pgd", True),
        ("apgd", True),
        ("fgsm", False),  # no steps
        ("square", False),  # no gradients
        ("noise", False),
        ("pgd_eyes", False),  # a part of the face
        ("pgd_glasses", False),
        ("universal", False),
    ],
)
def test_attacks_that_may_change_any_pixel_step_by_step_are_probed(
    name: str, expected: bool
) -> None:
    assert can_probe(set_of([NAN], name=name)) is expected


@pytest.mark.parametrize(
    ("smallest_eps", "grid", "expected"),
    [
        ([0.0, 0.1, 0.2, 0.2, 0.2, 0.2], (0.1, 0.2), 0.1),  # 80 and 0 % stand: nearer is 80
        ([0.0, 0.1, 0.2, 0.2, NAN, NAN], (0.1, 0.2), 0.2),  # 80 and 40 %
        ([0.1, 0.2, 0.2, NAN], (0.0, 0.1, 0.2), 0.1),  # 75 and 25 %: the first
        ([NAN, 0.2], (0.0, 0.1, 0.2), 0.2),
        ([0.1] * 45 + [0.2] * 12 + [NAN] * 43, (0.1, 0.2), 0.1),  # 55 and 43 %
        ([0.1, NAN], (0.0,), None),
        ([0.0, 0.0], (0.1,), None),
    ],
)
def test_the_sensitive_eps(
    smallest_eps: list[float], grid: tuple[float, ...], expected: float | None
) -> None:
    assert sensitive_eps(set_of(smallest_eps, grid)) == expected


def test_nothing_is_probed_without_a_sensitive_eps_or_gradients(script: Script) -> None:
    wrong, made = set_of([0.0, 0.0]), set_of(HALF)
    assert probe_attack(LinearNet(), wrong, faces_of(wrong)) == []
    assert probe_attack(BlackBox(), made, faces_of(made)) == []
    assert script.asked == []


def test_every_row_names_the_attack_and_its_labels(script: Script) -> None:
    made = set_of(HALF)
    found = probe_attack(LinearNet(), made, faces_of(made))
    assert [entry["rule"] for entry in found] == ["R6", "R10", "R4", "R14"]
    assert {(entry["attacked_labels"], entry["perturbation"]) for entry in found} == {
        ("fer", "pgd")
    }
    names = [entry["check"] for entry in found[:3]]
    assert names == ["converged", "scale invariance", "unbounded attack"]
    assert {entry["model"] for entry in found[:3]} == {"linear"}


def test_a_model_that_fails_has_error_rows_and_a_wrong_setting_ends_the_run(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(asked: Asked) -> np.ndarray:
        raise ModelError("linear answered NaN.")

    def refuses(asked: Asked) -> np.ndarray:
        raise InputError("no such option.")

    made, script.breaks = set_of(HALF), fails
    found = probe_attack(LinearNet(), made, faces_of(made))
    assert [entry.get("status") for entry in found] == ["error"] * 3 + [None]
    assert {entry["perturbation"] for entry in found} == {"pgd"}
    assert [(entry["rule"], entry["check"]) for entry in found[:3]] == [
        ("R6", "converged"),
        ("R10", "scale invariance"),
        ("R4", "unbounded attack"),
    ]
    failing = "planted example", lambda *_: fails(script.asked[0])
    monkeypatch.setitem(probes._PROBES, "R14", failing)
    *_, planted = probe_attack(LinearNet(), made, faces_of(made))
    assert (planted["rule"], planted["check"]) == ("R14", "planted example")
    assert planted["status"] == "error"
    script.breaks = refuses
    with pytest.raises(InputError, match="no such option"):
        probe_attack(LinearNet(), made, faces_of(made))


@pytest.mark.parametrize(("fallen", "status"), [(1, "ok"), (2, "flagged")])
def test_one_face_of_few_may_fall_to_twice_the_budget(
    fallen: int, status: str, script: Script
) -> None:
    script.breaks = lambda asked: (asked.rows < 120 + fallen) & (asked.eps == 0.2)
    found = probed(HALF, "R6", steps=5, step_size=0.01)
    assert (found["status"], found["threshold"]) == (status, 1 / 40)
    assert found["value"] == pytest.approx(fallen / 40)
    assert found["message"].startswith(
        f"Twice the 5 steps lower robust accuracy at 0.2 by about {2.5 * fallen:.1f} points "
        f"({fallen} of 20 unbroken faces break)."
    )
    assert ("its figure is an upper bound" in found["message"]) == (fallen == 2)
    first, second = script.asked[:2]
    assert (first.eps, second.eps) == (0.1, 0.2)
    assert first.options["steps"] == 10 and first.options["step_size"] == 0.01
    assert (first.name, first.norm, first.seed) == ("pgd", Norm.LINF, 7)
    assert first.rows.tolist() == list(range(120, 140))
    assert first.labels.tolist() == [int(LinearNet().predict(faces_of(set_of([NAN])))[0])] * 20


@pytest.mark.parametrize(("fallen", "status"), [(4, "ok"), (5, "flagged")])
def test_half_a_point_of_many_faces_may_fall(fallen: int, status: str, script: Script) -> None:
    """Of 400 unbroken faces the 20 nearest ones are tried, which stand for themselves alone.

    The short attack leaves the last ones the smallest share of their lead. The others are the
    first ones.
    """
    script.left = lambda asked: (2000 - asked.rows) / 2000
    script.breaks = lambda asked: asked.rows >= 1000 - fallen
    found = probed([0.1] * 500 + [NAN] * 400, "R6", steps=5)
    assert (found["status"], found["threshold"]) == (status, 0.005)
    assert found["value"] == pytest.approx(fallen / 900)
    assert f"({fallen} of 40 unbroken faces break)" in found["message"]
    below, *shorts, twice = script.asked[:4]  # at 0.1 none falls that withstands 0.2
    assert (below.eps, below.rows.tolist()) == (0.1, list(range(600, 640)))
    for short, rows in zip(shorts, (range(600, 856), range(856, 1000)), strict=True):  # in blocks
        assert (short.name, short.eps, short.options) == ("apgd", 0.2, {"steps": 10})
        assert (short.rows.tolist(), short.seed) == (list(rows), 7)
    assert twice.rows.tolist() == [*range(600, 620), *range(980, 1000)]


@pytest.mark.parametrize(("fallen", "value"), [(1, 1), (2, 2 * 140 / 20)])
def test_other_faces_stand_for_all_of_their_kind(fallen: int, value: float, script: Script) -> None:
    """At 0.1 the 20 that fall at 0.2 are tried, and 20 of 140 that withstand it, for seven each.

    A single one stands for itself alone: it may have fallen by chance.
    """
    script.breaks = lambda asked: (asked.rows >= 120) & (asked.rows < 120 + fallen)
    found = probed([0.2] * 20 + [NAN] * 140 + [0.0] * 40, "R6", steps=5)
    small = script.asked[0]
    assert (small.eps, small.rows.tolist()) == (0.1, list(range(100, 140)))
    assert found["value"] == pytest.approx(value / 200)
    assert f"at 0.1 by about {value / 2:.1f} points ({fallen} of 40" in found["message"]


def test_nearness_is_a_share_of_the_lead(script: Script) -> None:
    """The lead of a face grows with its row, so that of the first ones is the smallest."""
    script.left = lambda asked: np.where(asked.rows < 180, 0.9, 0.1)
    probed([NAN] * 100, "R6", grid=(0.1,), steps=5)
    short, twice = script.asked[:2]
    assert (short.name, len(short.rows)) == ("apgd", 100)
    assert twice.rows.tolist() == [*range(100, 120), *range(180, 200)]


def test_of_many_faces_a_share_is_tried(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """2 % of all 900: with fewer, however many fall, they could be too few to be flagged."""
    monkeypatch.setattr(convergence, "NEAREST", 4)
    script.left = lambda asked: (2000 - asked.rows) / 2000
    script.breaks = lambda asked: asked.rows >= 900
    found = probed([0.1] * 500 + [NAN] * 400, "R6", grid=(0.1,), steps=5)
    assert script.asked[2].rows.tolist() == [*range(600, 620), *range(982, 1000)]
    assert (found["status"], found["value"]) == ("flagged", pytest.approx(18 / 900))


def test_others_are_tried_in_place_of_nearest_ones(script: Script) -> None:
    """Of faces that mislead an attack few fall at the next larger eps, so that few are near."""
    script.breaks = lambda asked: np.isin(asked.rows, (103, 139))
    found = probed([NAN, NAN, NAN, 0.2] + [NAN] * 96, "R6", steps=5)
    assert script.asked[0].rows.tolist() == list(range(100, 140))
    assert found["value"] == pytest.approx(2 / 100)


def test_no_nearness_is_asked_for_where_all_are_tried(script: Script) -> None:
    """Up to 40 unbroken faces, or where no more than 20 fall at the next larger eps."""
    probed([NAN] * 40, "R6", grid=(0.1,), steps=5)
    assert len(script.asked[0].rows) == 40
    probed([0.2] * 20 + [NAN] * 80, "R6", grid=(0.1, 0.2, 0.3), steps=5)
    below = [asked for asked in script.asked if asked.eps == 0.1][-1]
    assert below.rows.tolist() == list(range(100, 140))
    assert {asked.name for asked in script.asked if asked.eps == 0.1} == {"pgd"}


def test_all_budgets_are_doubled_and_named(script: Script) -> None:
    budget = {"steps": 1, "targeted_steps": 2, "minimal_steps": 3, "queries": 4}
    found = probed(HALF, "R6", name="ensemble", **budget)
    assert found["message"].startswith(
        "Twice the 1 steps, 2 targeted steps, 3 minimal steps, 4 queries lower"
    )
    assert {name: script.asked[0].options[name] for name in budget} == {
        name: 2 * count for name, count in budget.items()
    }


class RandomNet(LinearNet):
    """A net behind a random defence whose gradients average over so many draws."""

    draws_apart = True

    def __init__(self, draws: int = 20) -> None:
        super().__init__()
        self.draws = draws

    def with_draws(self, factor: int) -> "RandomNet":
        return RandomNet(factor * self.draws)


@pytest.mark.parametrize(("more", "status"), [(0, "ok"), (2, "flagged")])
def test_of_a_random_defence_the_draws_are_doubled_too(
    more: int, status: str, script: Script
) -> None:
    """The attack finds more with 40 draws than with 20: its robust accuracy was too high."""

    def breaks(asked: Asked) -> np.ndarray:
        assert isinstance(asked.classifier, RandomNet)
        return (asked.rows < 120 + more) & (asked.classifier.draws == 40)

    script.breaks = breaks
    made = set_of(HALF, steps=5)
    found = converged(RandomNet(), made, [doubled(RandomNet(), made, faces_of(made), 0.2)])
    assert (found["status"], found["value"]) == (status, pytest.approx(more / 40))
    assert found["message"].startswith("Twice the 5 steps and the random draws lower robust")
    (asked,) = script.asked
    assert asked.options["steps"] == 10


def test_nothing_is_attacked_where_every_face_is_broken(script: Script) -> None:
    """At 0.2 no face is left, and the eps of 0 has no budget; the first of equal eps is told."""
    found = probed([0.1] * 5 + [0.2] * 5, "R6", grid=(0.0, 0.1, 0.2), steps=5)
    assert [(asked.eps, len(asked.rows)) for asked in script.asked[:2]] == [(0.1, 5), (0.1, 10)]
    assert (found["status"], found["value"]) == ("flagged", 0.5)
    script.breaks = lambda asked: np.zeros(len(asked.rows), bool)
    found = probed([0.1] * 5 + [0.2] * 5, "R6", steps=5)
    assert (found["status"], found["value"]) == ("ok", 0)
    assert "at 0.1 by about 0.0 points (0 of 5" in found["message"]
    script.breaks = lambda asked: np.ones(len(asked.rows), bool)
    assert "(0 of 0 unbroken" in probed([0.1] * 5, "R6", steps=5)["message"]
    assert probed([0.1] * 39 + [NAN], "R6", steps=5)["value"] == pytest.approx(1 / 40)


@pytest.mark.parametrize(("moved", "status"), [(-1, "ok"), (1, "ok"), (-2, "flagged")])
@pytest.mark.parametrize("scale", [10, 100])
def test_larger_logits_may_move_one_face(
    moved: int, status: str, scale: int, script: Script
) -> None:
    """Of 16 faces that are right 8 break with the model's own logits, as the set tells."""
    net = LinearNet()
    image = np.full((1, 4, 4, 1), 0.5, np.float32)

    def breaks(asked: Asked) -> np.ndarray:
        times = asked.classifier.logits(image) / net.logits(image)
        is_scaled = np.allclose(times, scale)
        return np.arange(len(asked.rows)) < 8 + (moved if is_scaled else 0)

    script.breaks = breaks
    found = probed([0.0] * 3 + MIXED, "R10")
    counts = [8 + (moved if each == scale else 0) for each in (10, 100)]
    assert (found["status"], found["value"]) == (status, abs(moved) / 16)
    assert found["threshold"] == 1 / 16
    assert found["message"].startswith(
        f"With logits 10 and 100 times as large {counts[0]} and {counts[1]} of 16 faces break, 8 "
    )
    assert ("use a loss that rescales" in found["message"]) == (status == "flagged")
    first, second = script.asked[2:4]  # after two for R6
    assert {first.eps, second.eps} == {0.1}
    assert first.rows.tolist() == second.rows.tolist() == list(range(103, 119))


@pytest.mark.parametrize(
    ("name", "precision", "rows"),
    [
        ("pgd", "float32", [100, 101]),  # broken at 0.1: the set does not tell about 0.2
        ("pgd", "bfloat16", list(range(100, 116))),
        ("fmn", "float32", list(range(100, 116))),  # it ran at the largest eps only
    ],
)
def test_the_models_own_logits_are_attacked_where_the_set_does_not_tell(
    name: str, precision: str, rows: list[int], script: Script
) -> None:
    made = set_of([0.1] * 2 + [0.2] * 6 + [NAN] * 8, name=name)
    made = replace(made, header=replace(made.header, precision=precision))
    script.breaks = lambda asked: asked.rows < 107
    entries = probe_attack(LinearNet(), made, faces_of(made))
    (found,) = [entry for entry in entries if entry["rule"] == "R10"]
    own = [asked for asked in script.asked if isinstance(asked.classifier, LinearNet)][2]
    assert (own.eps, own.rows.tolist()) == (0.2, rows)
    plain = 8 if len(rows) == 2 else 7
    assert found["message"].startswith(
        f"With logits 10 and 100 times as large 7 and 7 of 16 faces break, {plain} "
    )


@pytest.mark.parametrize(("norm", "limit"), [(Norm.LINF, 1.0), (Norm.L2, 4.0), (Norm.L1, 16.0)])
def test_without_a_limit_all_faces_must_break(norm: Norm, limit: float, script: Script) -> None:
    """4 x 4 pixels: from black to white is a change of 1, 4 or 16."""
    name = "apgd" if norm is Norm.L1 else "pgd"
    faces = [0.0] * 3 + HALF
    found = probed(faces, "R4", norm=norm, name=name)
    assert (found["status"], found["value"], found["threshold"]) == ("ok", 0, 0)
    assert found["message"].startswith("Every face of a sample breaks")
    asked = script.asked[-1]
    assert (asked.eps, asked.rows.tolist()) == (limit, list(range(103, 119)))
    script.breaks = lambda asked: asked.rows != 103
    found = probed(faces, "R4", norm=norm, name=name)
    assert (found["status"], found["value"]) == ("flagged", 1 / 16)
    assert found["message"].startswith("6 % of a sample are robust even when")
