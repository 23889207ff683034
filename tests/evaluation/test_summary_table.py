"""The table printed after a run."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from evaluation import leaderboard, run
from evaluation.results.schema import RESULT_COLUMNS
from evaluation.summary_table import percent, summary_table
from evaluation.text_table import BOUND_MEANS

NOTHING = dict.fromkeys(("subset", "source", "detail", "split"), "")


def results(**shares: tuple[float, float]) -> pd.DataFrame:
    """Clean and robust accuracy at 0.1 of some models, of 4000 faces each."""
    rows = []
    for model, (clean, robust) in shares.items():
        row = {name: 0 for name in RESULT_COLUMNS} | NOTHING
        row |= {"model": model, "label_set": "fer", "subset": "all", "n": 4000, "status": "ok"}
        ends = {"ci_low": 0.25, "ci_high": 0.75}
        where = {"perturbation": "none", "attacked_labels": "", "norm": "", "metric": "accuracy"}
        rows.append(row | where | ends | {"value": clean, "eps": 0.0})
        where = {"perturbation": "worst_case", "attacked_labels": "fer", "norm": "linf"}
        rows.append(row | where | ends | {"metric": "robust_accuracy", "value": robust, "eps": 0.1})
    return pd.DataFrame(rows, columns=list(RESULT_COLUMNS)).astype(RESULT_COLUMNS)


def line(text: str, model: str) -> str:
    return next(line for line in text.splitlines() if f" {model} " in line)


def test_robust_accuracy_of_a_model_without_gradients_is_an_upper_bound() -> None:
    found = results(net=(0.5, 0.25), blind=(0.5, 0.25))
    text = summary_table(found, (0.1,), black_boxes={"blind"})
    assert " 50.0 (25.0-75.0) " in line(text, "blind")
    assert " <= 25.0 (25.0-75.0) " in line(text, "blind")
    assert "<=" not in line(text, "net")
    assert text.splitlines()[-1] == BOUND_MEANS
    assert "<=" not in summary_table(found, (0.1,))


def test_one_error_in_many_faces_is_not_rounded_away() -> None:
    text = summary_table(results(net=(3999 / 4000, 1 / 4000)), (0.1,))
    assert " >99.9 (" in line(text, "net") and " <0.1 (" in line(text, "net")
    row = SimpleNamespace(value=0.002, ci_low=0.0002, ci_high=0.9998, status="ok")
    assert percent(row) == "0.2 (<0.1->99.9)"  # nor are the ends of its interval
    row = SimpleNamespace(figure=0.0, figure_low=0.0, figure_high=0.0002, figure_status="ok")
    assert leaderboard._share(row, "figure") == "0.0 (0.0-<0.1)"


@pytest.mark.parametrize(("tier", "told"), [("quick", True), ("standard", False)])
def test_the_quick_tier_says_below_its_figures_what_they_cannot_show(
    tier: str, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    finished: Any = SimpleNamespace(
        results=results(blind=(0.5, 0.25)),
        config=SimpleNamespace(eps=(0.1,)),
        label_names={},
        black_boxes={"blind"},
        manifest={"models": {}, "config": {"tier": tier}},
        report="index.html",
    )
    run._show(finished)
    printed = capsys.readouterr().out
    assert "<= 25.0" in printed and printed.endswith("report: index.html\n")
    assert ("it can show that a model is not robust, never that it is" in printed) == told
