"""R13 on faces whose fall under each attack is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.checks.rules import Check
from evaluation.checks.sibling import sibling_checks
from tests.evaluation.held_rows import HeldRows

NAN = np.nan
COUNT = 1000


def own_rows(
    fallen: int, name: str = "pgd", model: str = "net.fer", source: str = "", labels: str = "fer"
) -> pd.DataFrame:
    """The first faces break at 0.1 under an attack on the model itself; the next ten at 0.2."""
    eps = np.full(COUNT, NAN)
    eps[fallen : fallen + 10] = 0.2
    eps[:fallen] = 0.1
    return pd.DataFrame(
        {
            "model": model,
            "source": source or model,
            "attacked_labels": labels,
            "perturbation": name,
            "row": np.arange(COUNT),
            "smallest_eps": eps,
        }
    )


def transferred(
    fallen: int, source: str = "sibling.fer", model: str = "net.fer", **changes: Any
) -> pd.DataFrame:
    """Of the faces, as many fall to the images of another model."""
    values = {
        "model": model,
        "source": source,
        "attacked_labels": "fer",
        "eps": 0.1,
        "label": 3,
        "clean_prediction": 3,
        "row": np.arange(COUNT),
        "prediction": np.where(np.arange(COUNT) < fallen, 4, 3),
    }
    return pd.DataFrame(values | changes)


OWN_IMAGES = transferred(0, source="net.fer")


def checked(transfers: list[pd.DataFrame], rows: list[pd.DataFrame]) -> list[Check]:
    return sibling_checks(transfers, HeldRows(pd.concat(rows)))


@pytest.mark.parametrize(("more", "status"), [(2, "ok"), (3, "flagged"), (-5, "ok")])
def test_two_of_a_thousand_may_fall_to_a_sibling_alone(more: int, status: str) -> None:
    (found,) = checked([OWN_IMAGES, transferred(100 + more)], [own_rows(100)])
    assert (found["status"], found["threshold"]) == (status, 0.002)
    assert found["value"] == pytest.approx(more / COUNT)
    assert (found["rule"], found["check"]) == ("R13", "transfer from a sibling")
    assert (found["model"], found["attacked_labels"], found["perturbation"]) == (
        "net.fer",
        "fer",
        "worst_case",
    )
    words = "Images made on sibling.fer leave 0.3 points less than attacks on the model itself"
    assert found["message"].startswith(words) == (status == "flagged")
    if status == "ok":
        assert found["message"].startswith("No image made on another model is stronger")


def test_the_strongest_sibling_is_named() -> None:
    others = [transferred(count, f"{count}.fer") for count in (150, 200, 120)]
    (found,) = checked([OWN_IMAGES, *others], [own_rows(100)])
    assert "made on 200.fer leave 10.0 points less" in found["message"]


def test_a_face_that_any_gradient_attack_breaks_is_broken() -> None:
    rows = [own_rows(100), own_rows(150, "apgd")]
    (found,) = checked([OWN_IMAGES, transferred(150)], rows)
    assert found["value"] == 0


@pytest.mark.parametrize(
    "row",
    [
        {"name": "noise"},
        {"name": "square"},
        {"name": "pgd", "source": "other.fer"},  # transferred
        {"name": "pgd", "labels": ""},  # clean and corrupted rows have no attack
    ],
)
def test_only_gradient_attacks_on_the_model_itself_are_its_own(row: dict[str, str]) -> None:
    (found,) = checked([OWN_IMAGES, transferred(150)], [own_rows(100), own_rows(150, **row)])
    assert found["value"] == pytest.approx(0.05)


def test_faces_that_were_wrong_before_do_not_stand() -> None:
    """The white-box figure counts them as broken at eps 0, the transfer by the clean answer."""
    rows = own_rows(100)
    rows.loc[:49, "smallest_eps"] = 0.0
    wrong = transferred(0, clean_prediction=np.where(np.arange(COUNT) < 110, 4, 3))
    (found,) = checked([OWN_IMAGES, wrong], [rows])
    assert found["value"] == pytest.approx(0.01)


def test_only_faces_of_both_are_compared() -> None:
    rows = own_rows(100)
    (found,) = checked([OWN_IMAGES, transferred(100)], [rows[rows.row < 500]])
    assert found["value"] == 0
    (found,) = checked([OWN_IMAGES, transferred(150)], [rows[rows.row < 500]])
    assert found["value"] == pytest.approx(50 / 500)
    apart = transferred(100)
    apart["row"] += COUNT
    assert checked([OWN_IMAGES, apart], [rows]) == []


def test_nothing_is_compared_without_gradients_or_siblings() -> None:
    assert checked([transferred(150)], [own_rows(100)]) == [], "a black box makes no images"
    assert checked([OWN_IMAGES], [own_rows(100)]) == [], "no sibling"
    assert checked([OWN_IMAGES, transferred(150)], [own_rows(100, "noise")]) == []
    ferplus = transferred(150, attacked_labels="ferplus")
    assert checked([OWN_IMAGES, ferplus], [own_rows(100)]) == []


def test_every_model_and_label_set_has_its_row_although_one_cannot_be_compared() -> None:
    box = [transferred(150, "net.fer", "box.fer")]  # no gradients of its own: comes first
    two = [transferred(0, "two.fer", "two.fer"), transferred(150, "net.fer", "two.fer")]
    rows = [own_rows(100), own_rows(140, model="two.fer")]
    found = checked([*box, OWN_IMAGES, transferred(100, "two.fer"), *two], rows)
    assert {entry["model"]: entry["value"] for entry in found} == {
        "net.fer": 0,
        "two.fer": pytest.approx(0.01),
    }


@pytest.mark.parametrize(("fallen", "status"), [(100, "flagged"), (300, "ok")])
def test_what_an_ensemble_breaks_by_queries_is_not_put_down_to_gradients(
    fallen: int, status: str
) -> None:
    """The ensemble breaks all by its search; gradients alone break fewer than the images made on
    the sibling."""
    rows = [own_rows(fallen), own_rows(COUNT - 10, "ensemble")]
    (check,) = checked([OWN_IMAGES, transferred(300)], rows)
    assert check["status"] == status
    (check,) = checked([OWN_IMAGES, transferred(300)], rows[1:])  # nothing else ran
    assert check["status"] == "ok"
