"""Charts drawn on axes from a results frame alone, as docs/python-api.md says."""

import re
from importlib import import_module
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from evaluation.results.schema import RESULT_COLUMNS
from reports.charts.reliability_diagram import reliability_bins, reliability_diagram
from reports.charts.svg import new_figure

PAGE = Path(__file__).parents[3] / "docs" / "python-api.md"


def rows(perturbation: str, eps: float, bins: list[tuple[str, float, float, int]]) -> list[dict]:
    shared = {
        "model": "net.fer", "label_set": "fer", "split": "PublicTest", "subset": "all",
        "attacked_labels": "fer" if eps else "", "source": "net.fer" if eps else "",
        "norm": "linf" if eps else "", "perturbation": perturbation, "eps": eps,
        "severity": pd.NA, "seed": 0, "status": "ok", "ci_low": 0.1, "ci_high": 0.9,
    }  # fmt: skip
    return [
        {**shared, "metric": metric, "detail": detail, "value": value, "n": n}
        for detail, confidence, accuracy, n in bins
        for metric, value in (("bin_accuracy", accuracy), ("bin_confidence", confidence))
    ]


CLEAN = [("0.933-1.000", 0.97, 0.9, 30), ("0.467-0.533", 0.5, 0.45, 10)]
ATTACKED = [("0.467-0.533", 0.49, 0.02, 40)]


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    found = [*rows("none", 0.0, CLEAN), *rows("worst_case", 4 / 255, ATTACKED)]
    return pd.DataFrame(found, columns=list(RESULT_COLUMNS)).astype(RESULT_COLUMNS)


def test_bins_run_from_unsure_to_sure(results: pd.DataFrame) -> None:
    bins = reliability_bins(results, model="net.fer", label_set="fer")
    np.testing.assert_allclose(bins["confidence"], [0.5, 0.97])
    np.testing.assert_allclose(bins["accuracy"], [0.45, 0.9])
    assert bins["n"].tolist() == [10, 30]
    hit = reliability_bins(results, model="net.fer", label_set="fer", eps=4 / 255)
    np.testing.assert_allclose(hit["accuracy"], [0.02])
    assert reliability_bins(results, model="other", label_set="fer").empty


def test_the_diagram_holds_every_bin(results: pd.DataFrame) -> None:
    axes = new_figure(300, 300).add_subplot()
    reliability_diagram(results, axes, model="net.fer", label_set="fer")
    (dots,) = [c for c in axes.collections if isinstance(c, mpl.collections.PathCollection)]
    np.testing.assert_allclose(np.asarray(dots.get_offsets()), [[0.5, 0.45], [0.97, 0.9]])
    small, large = dots.get_sizes()
    assert large == pytest.approx(3 * small)
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)


def test_a_model_without_bins_draws_an_empty_diagram(results: pd.DataFrame) -> None:
    axes = new_figure(300, 300).add_subplot()
    reliability_diagram(results, axes, model="other", label_set="fer", eps=0.1)
    assert axes.get_xlabel() == "confidence"


def test_the_page_names_functions_that_exist() -> None:
    names = re.findall(r"`(reports(?:\.\w+)+)\.(\w+)`", PAGE.read_text())
    assert len(names) >= 7
    for module, function in names:
        assert callable(getattr(import_module(module), function))
