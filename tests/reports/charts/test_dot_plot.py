"""Dots with intervals, and bars of flips, on rows made by hand."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from reports.charts.dot_plot import Dot, dot_plot
from reports.charts.flip_bars import flip_bars, flip_shares
from reports.charts.svg import new_figure

DOTS = {"one": Dot("clean", "o", True), "two": Dot("attacked", "s", False)}


def rows(**values: float) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"model": name, "value": value, "ci_low": value - 0.1, "ci_high": value + 0.1}
            for name, value in values.items()
        ]
    )


def test_a_line_holds_one_dot_of_each_kind() -> None:
    axes = new_figure(300, 200).add_subplot()
    kinds = {"one": rows(a=0.4, b=0.6), "two": rows(a=0.2, b=float("nan"))}
    dot_plot(axes, kinds, models=["b", "a"], dots=DOTS)
    lines = [np.asarray(line.get_xydata(), dtype=float) for line in axes.lines]
    dots = np.array([line[0] for line in lines if len(line) == 1])
    # .62 of a line is for two kinds: .31 each, so .155 above and below its middle
    np.testing.assert_allclose(dots, np.array([[0.6, -0.155], [0.4, 0.845], [0.2, 1.155]]))
    assert [text.get_text() for text in axes.texts] == ["no figure"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "a"]
    assert axes.get_xlim() == (0, 1)


def test_differences_stand_around_zero() -> None:
    axes = new_figure(300, 200).add_subplot()
    dot_plot(axes, {"one": rows(a=0.1)}, models=["a"], dots=DOTS, around_zero=True)
    low, high = axes.get_xlim()
    assert low == pytest.approx(-0.22) and high == pytest.approx(0.22)  # 1.1 * (.1 + .1)


def flips(model: str, metric: str, value: float, n: int) -> dict[str, object]:
    shared: dict[str, object] = {
        "label_set": "fer",
        "attacked_labels": "fer",
        "subset": "all",
        "norm": "linf",
    }
    shared |= {"perturbation": "worst_case", "eps": 4 / 255}
    return shared | {"model": model, "metric": metric, "value": value, "n": n}


def test_flips_and_faces_that_stood_add_up() -> None:
    results = pd.DataFrame(
        [
            flips("a", "plausible_flip", 0.25, 60),  # 15 of 60 broken
            flips("a", "implausible_success_rate", 0.45, 100),  # 45 of 100 right before
            flips("b", "plausible_flip", float("nan"), 0),
            flips("b", "implausible_success_rate", 0.0, 100),
            flips("c", "plausible_flip", float("nan"), 0),
            flips("c", "implausible_success_rate", float("nan"), 0),
        ]
    )
    shares = flip_shares(results, label_set="fer", eps=4 / 255)
    np.testing.assert_allclose(shares.loc["a"], [0.45, 0.15, 0.4])
    np.testing.assert_allclose(shares.loc["b"], [0, 0, 1])
    assert shares.loc["c"].isna().all()
    axes = new_figure(300, 200).add_subplot()
    flip_bars(shares, axes)
    of_a = axes.patches[::3]
    widths = [bar.get_width() for bar in of_a if isinstance(bar, Rectangle)]
    np.testing.assert_allclose(widths, [0.45, 0.15, 0.4])
    assert [text.get_text() for text in axes.texts] == ["no figure"]
