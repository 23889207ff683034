"""Checks of one attack's stored set, on sets of four faces made by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attacks.threat_model import Norm
from evaluation.checks.rules import Check, Rank, failed_rules
from evaluation.checks.set import set_checks


def adversarial(**changes: Any) -> Any:
    """A set of four faces: one wrong on clean, two broken (stored), one robust."""
    values = {
        "spec": SimpleNamespace(attacked_labels="fer", perturbation="pgd", norm=Norm.LINF),
        "labels": np.array([0, 1, 2, 3]),
        "smallest_eps": np.array([0, 0.1, 0.2, np.nan]),
        "image_rows": np.array([1, 2]),
        "images": np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1),
        "backward": np.array([0, 10, 20, 10]),
        "zero_gradients": np.array([0, 0, 0, 0]),
    }
    return SimpleNamespace(**(values | changes))


GREY = np.full((4, 1, 1, 1), 128, np.float32) / np.float32(255)

ROWS = pd.DataFrame({"distance": [np.nan, 0.1, 0.2, np.nan], "prediction": [5, 5, 5, 3]})


def of_set(rows: pd.DataFrame = ROWS, **changes: Any) -> dict[str, Check]:
    model = SimpleNamespace(
        id="told", predict=lambda images: np.where(images[:, 0, 0, 0] > 0.5, 2, 6)
    )
    found = set_checks(model, adversarial(**changes), rows, GREY)  # type: ignore[arg-type]
    assert all((one["attacked_labels"], one["perturbation"]) == ("fer", "pgd") for one in found)
    return {entry["check"]: entry for entry in found}


def test_a_sound_set_passes() -> None:
    found = of_set()
    assert [entry["rule"] for entry in found.values()] == ["R2", "R2", "R2", "R24", "R9"]
    assert {entry["status"] for entry in found.values()} == {"ok"}
    assert found["correct again in 8 bits"]["value"] == 0.5  # of the two broken the second
    assert found["gradients were asked for"]["value"] == 0
    limits = [entry["threshold"] for entry in found.values()]
    np.testing.assert_array_equal(limits, [1e-6, 0, np.nan, 0, 0])
    assert list(of_set(backward=np.zeros(4, int)))[-1] == "gradients were asked for"


@pytest.mark.parametrize(("excess", "status"), [(0.9e-6, "ok"), (1.04e-6, "flagged")])
def test_a_budget_may_be_exceeded_by_a_millionth(excess: float, status: str) -> None:
    rows = ROWS.assign(distance=[np.nan, 0.05, 0.2 * (1 + excess), np.nan])
    found = of_set(rows)["budget and range"]
    assert found["status"] == status
    assert found["value"] == pytest.approx(excess, rel=1e-3)
    assert ("exceeds its budget" in found["message"]) == (status == "flagged")


@pytest.mark.parametrize("pixel", [-0.001, 1.001, np.nan, np.inf])
def test_pixels_outside_0_to_1_are_flagged(pixel: float) -> None:
    images = np.array([0.5, pixel], np.float32).reshape(2, 1, 1, 1)
    assert of_set(images=images)["budget and range"]["status"] == "flagged"


def test_an_empty_set_is_within_its_budget() -> None:
    none = {"image_rows": np.zeros(0, int), "images": np.zeros((0, 1, 1, 1), np.float32)}
    found = of_set(
        **none,
        smallest_eps=np.array([0, np.nan, np.nan, np.nan]),
        rows=ROWS.assign(prediction=[5, 1, 2, 3]),
    )
    assert (found["budget and range"]["status"], found["budget and range"]["value"]) == ("ok", -1)
    assert found["correct again in 8 bits"]["value"] == 0
    assert found["predicted again from disk"]["status"] == "ok"


def test_other_flags_from_disk_are_counted() -> None:
    found = of_set(ROWS.assign(prediction=[5, 1, 5, 0]))["predicted again from disk"]
    assert (found["status"], found["value"]) == ("flagged", 2)  # the second and the last

    found = of_set(ROWS.assign(prediction=[5, 1, 5, 3]))["predicted again from disk"]
    assert (found["status"], found["value"]) == ("flagged", 1)


def test_images_are_rounded_to_whole_steps_of_8_bits() -> None:
    """.71 is 181.05 steps, so 181, where the model answers 1; both faces are right again."""
    images, clean = np.array([0.71, 0.9], np.float32).reshape(2, 1, 1, 1), GREY + np.float32(0.2)
    model = SimpleNamespace(
        id="told",
        predict=lambda asked: np.where(
            asked[:, 0, 0, 0] == np.float32(181) / np.float32(255), 1, 2
        ),
    )
    found = set_checks(model, adversarial(images=images), ROWS, clean)  # type: ignore[arg-type]
    assert [one["value"] for one in found if "8 bits" in one["check"]] == [1]


def test_rounding_to_8_bits_stays_within_eps() -> None:
    """128.6 of 128 within 0.6 is 128 again; 129.6 within 1.6 is 129, still broken."""
    model = SimpleNamespace(
        id="told", predict=lambda asked: np.where(asked[:, 0, 0, 0] > 128.5 / 255, 6, 1)
    )
    images = np.array([128.6, 129.6], np.float32).reshape(2, 1, 1, 1) / np.float32(255)
    eps = np.array([0, 0.6 / 255, 1.6 / 255, np.nan])
    made = adversarial(images=images, smallest_eps=eps, labels=np.array([0, 1, 1, 3]))
    found = set_checks(model, made, ROWS, GREY)  # type: ignore[arg-type]
    assert [one["value"] for one in found if "8 bits" in one["check"]] == [0.5]


def test_faces_attacked_without_a_gradient_are_counted() -> None:
    found = of_set(backward=np.array([0, 10, 0, 10]))["gradients were asked for"]
    assert (found["status"], found["rule"]) == ("flagged", "R24")
    assert found["value"] == pytest.approx(1 / 3)  # of the three that were right before
    assert found["message"].startswith("33.3 % of the faces")
    checks = pd.DataFrame([found])  # so the model's robust accuracy may be too high
    assert failed_rules(checks, found["model"], found["attacked_labels"], Rank.PROVISIONAL) == [
        "R24"
    ]
    empty = {"image_rows": np.zeros(0, int), "images": np.zeros((0, 1, 1, 1), np.float32)}
    wrong = of_set(smallest_eps=np.zeros(4), backward=np.array([0, 1, 0, 0]), **empty)
    assert wrong["gradients were asked for"]["value"] == 0  # nothing was attacked


def test_zero_gradients_are_a_share_of_all() -> None:
    found = of_set(zero_gradients=np.array([0, 0, 3, 1]))["gradients are not zero"]
    assert (found["status"], found["value"], found["rule"]) == ("flagged", 0.1, "R9")
    assert found["message"].startswith("10.0 % of the input gradients were zero")
    few = of_set(backward=np.full(4, 1000), zero_gradients=np.array([0, 0, 1, 0]))
    assert few["gradients are not zero"]["message"].startswith("<0.1 % of the input gradients")
