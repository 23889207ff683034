"""Selections behind the charts, and the charts themselves, on the synthetic run."""

import html
import re
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import RendererAgg

from datasets.base.errors import InputError
from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, headline, robust_accuracy
from reports.charts.axes import marker_of
from reports.charts.curves import curve, security_curves
from reports.charts.drawing import drawing
from reports.charts.heat_map import shares_heat_map
from reports.charts.line_names import spread
from reports.charts.matrices import attack_flows, confusion, flow_counts
from reports.charts.pictures import difference
from reports.charts.svg import STYLE, new_figure
from reports.page import write_report
from reports.sections.curves import MANY, curve_charts
from reports.sections.gallery import examples
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:2], label_sets=("fer",), corruptions=())
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


def attacked(norm: str, *grid: float) -> pd.DataFrame:
    rows = [{"perturbation": "worst_case", "metric": "robust_accuracy", "norm": norm, "eps": eps}
            for eps in grid]  # fmt: skip
    return pd.DataFrame(rows, columns=["perturbation", "metric", "norm", "eps"])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (attacked("linf", 1 / 255, 4 / 255, 8 / 255), Headline("linf", 4 / 255)),
        (attacked("linf", 1 / 255, 3 / 255, 8 / 255), Headline("linf", 3 / 255)),
        (attacked("linf", 8 / 255, 16 / 255), Headline("linf", 8 / 255)),  # none below: smallest
        (pd.concat([attacked("l2", 0.5), attacked("linf", 2 / 255)]), Headline("linf", 2 / 255)),
        (attacked("linf"), None),
    ],
)
def test_headline_is_4_255_or_the_largest_below(
    rows: pd.DataFrame, expected: Headline | None
) -> None:
    assert headline(rows) == expected


def test_curve_starts_clean_and_falls(run: FinishedRun) -> None:
    line = curve(run.results, "fer", "linf", "worst_case", FOUR[0])
    np.testing.assert_allclose(line["eps"], [0, 1 / 255, 2 / 255, 4 / 255])
    assert (np.diff(line["value"]) <= 0).all()
    assert set(line["piece"]) == {0}


def with_headline_attack(run: FinishedRun) -> FinishedRun:
    """The run with targeted APGD, at 4/255 alone."""
    pgd = (run.results["perturbation"] == "pgd") & np.isclose(run.results["eps"], 4 / 255)
    more = run.results[pgd & (run.results["metric"] == "robust_accuracy")]
    return replace(run, results=pd.concat([run.results, more.assign(perturbation="apgd_t")]))


def test_an_attack_at_one_eps_alone_is_not_joined_with_the_rest(run: FinishedRun) -> None:
    more = with_headline_attack(run)
    line = curve(more.results, "fer", "linf", "worst_case", FOUR[0])
    assert line["piece"].tolist() == [0, 0, 0, 1]
    with mpl.rc_context(STYLE):
        axes = new_figure(400, 300).add_subplot()
        security_curves(more.results, axes, label_set="fer", models=FOUR[:1], names="none")
    red = [np.asarray(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 1.8]
    assert [len(points) for points in red] == [3, 1]
    (chart,) = curve_charts(more)
    assert "Lines break at 4/255, where attacks join the worst case that did not" in chart.caption
    assert "break" not in curve_charts(run)[0].caption
    clean = run.results[(run.results["model"] == FOUR[0]) & (run.results["metric"] == "accuracy")]
    assert line["value"].iloc[0] == clean["value"].iloc[0]


@pytest.mark.parametrize(("width", "second"), [(700, "1/255"), (120, "")])
def test_names_of_eps_that_would_touch_are_left_out(
    run: FinishedRun, width: int, second: str
) -> None:
    with mpl.rc_context(STYLE):
        axes = new_figure(width, 200).add_subplot()
        shown = [*FOUR[:2]]
        security_curves(run.results, axes, label_set="fer", models=shown, names="none")
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == ["0", second, "2/255", "4/255"]


def test_security_curves_draw_each_model_its_noise_and_chance(run: FinishedRun) -> None:
    with mpl.rc_context(STYLE):
        axes = new_figure(700, 300).add_subplot()
        security_curves(run.results, axes, label_set="fer", models=run.models)
    assert axes.get_ylim() == (0, 1)
    names = {text.get_text() for text in axes.texts}
    assert names == {*FOUR[:2], "random noise, same size", "most frequent class"}
    (chance,) = [line for line in axes.lines if np.array_equal(line.get_xdata(), [0, 1])]
    colours = {line.get_color() for line in axes.lines if np.size(line.get_xdata()) == 4}
    assert len(colours) == 2 and chance.get_color() not in colours  # of noise and of attacks
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "1/255", "2/255", "4/255"]


def test_one_marker_an_architecture() -> None:
    marks = [marker_of(FOUR, model) for model in FOUR]
    assert marks[0] == marks[2] and marks[1] == marks[3] and marks[0] != marks[1]
    many = [f"net{number}.fer" for number in range(24)]
    assert len({tuple(marker_of(many, model).values()) for model in many}) == 24


def test_many_models_have_axes_of_their_own_most_robust_first(tmp_path: Path) -> None:
    many = tuple(f"net{number}.fer" for number in range(MANY + 1))
    wishes = Wishes(models=many, label_sets=("fer",), corruptions=(), examples=0, count=60)
    run = FinishedRun(write_run(tmp_path, wishes))
    (chart,) = curve_charts(run)
    worst = (
        robust_accuracy(run.results, "fer", "linf").query("eps > 0.015").set_index("model").value
    )
    order = [panel.heading for panel in chart.panels]
    assert sorted(order) == sorted(many)
    assert list(worst[order]) == sorted(worst, reverse=True)
    assert all(len(panel.svgs) == 1 for panel in chart.panels)


def test_confusion_is_a_table_in_the_order_of_the_labels(run: FinishedRun) -> None:
    shares = confusion(run.results, model=FOUR[0], label_set="fer")
    order = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert list(shares.index) == list(shares.columns) == order
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_flow_counts_hold_the_faces_read_right_and_those_that_stood_on_the_diagonal() -> None:
    shared: dict[str, Any] = {"model": "net", "label_set": "fer", "attacked_labels": "fer"}
    shared |= {"norm": "linf", "perturbation": "worst_case", "metric": "flow", "eps": 4 / 255}
    flows = [
        ("angry", "happy", 0.25, 8),  # 2 of 8 faces; 6 stood
        ("happy", "angry", 0.2, 10),  # 2 of 10 faces; 3 more to sad, 5 stood
        ("happy", "sad", 0.3, 10),
        ("sad", "angry", float("nan"), 0),  # no face was right
    ]
    results = pd.DataFrame(
        [
            shared | {"subset": f"class:{label}", "detail": to, "value": share, "n": n}
            for label, to, share, n in flows
        ]
    )
    where: dict[str, Any] = {"model": "net", "label_set": "fer", "norm": "linf", "eps": 4 / 255}
    counts = flow_counts(results, **where)
    assert list(counts.index) == list(counts.columns) == ["angry", "happy", "sad"]
    np.testing.assert_array_equal(counts, [[6, 2, 0], [2, 5, 3], [0, 0, 0]])
    assert flow_counts(results, **where | {"eps": 1 / 255}).empty


def test_flow_bands_are_as_wide_as_their_faces() -> None:
    counts = pd.DataFrame({"a": [6.0, 2.0], "b": [2.0, 8.0]}, index=["a", "b"])
    axes = new_figure(300, 300).add_axes((0.2, 0.1, 0.6, 0.8))
    attack_flows(counts, axes)
    widths = []
    for patch in axes.patches:
        points = np.asarray(patch.get_path().vertices, dtype=float)
        if len(points) == 9:  # bands, not the bars at their ends
            widths.append(float(points[0, 1] - points[7, 1]))
    # 18 faces share a height of 1 less one gap of .02
    np.testing.assert_allclose(sorted(widths), np.array([2, 2, 6, 8]) * 0.98 / 18)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=16).map(sorted),
    st.floats(0.001, 0.06),
)
def test_spread_names_never_overlap(values: list[float], gap: float) -> None:
    places = spread(values, gap, 1.0)
    assert (np.diff(places) >= gap - 1e-9).all()
    assert places[-1] <= 1.0 + 1e-9
    if (np.diff(values) >= gap).all():
        np.testing.assert_allclose(places, values, atol=1e-12)


def test_a_heat_map_is_drawn_as_svg_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing 24 by 32 cells as pixels, to see whether names overlap, took 350 MB."""

    def refuse(*_: object) -> None:
        raise AssertionError("drawn as pixels")

    monkeypatch.setattr(RendererAgg, "__init__", refuse)
    table = pd.DataFrame([[0.25, np.nan]], index=["a.fer"], columns=["clean", "FGSM"])
    svg = drawing(
        "map", "", (200, 90), (60, 4, 30, 4), lambda axes: shares_heat_map(table, axes, "mako")
    )
    assert all(f">{text}<" in svg for text in ("25", "\u2013", "a.fer", "clean", "FGSM"))


def test_a_cell_says_none_or_all_only_where_that_is_exact() -> None:
    table = pd.DataFrame([[0.0, 0.002, 0.998, 1.0]], index=["a.fer"], columns=[*"abcd"])
    svg = drawing(
        "map", "", (300, 90), (60, 4, 30, 4), lambda axes: shares_heat_map(table, axes, "mako")
    )
    found = [html.unescape(text.strip()) for text in re.findall(r"<text[^>]*>([^<]+)</text>", svg)]
    assert [text for text in found if text[-1].isdigit()] == ["0", "<1", ">99", "100"]


def test_difference_is_ten_times_around_grey() -> None:
    clean = np.full((1, 1, 1), 51, dtype=np.uint8)  # 51 / 255 = .2
    assert difference(clean, np.full((1, 1, 1), 0.21)) == pytest.approx(0.6)  # .5 + 10 * .01
    assert difference(clean, np.full((1, 1, 1), 0.9)) == 1


def test_gallery_stays_within_its_budget(run: FinishedRun) -> None:
    shown, left_out = examples(run)
    assert (len(shown), left_out) == (12, 0)
    part, left_out = examples(run, shown[0].bytes)
    assert ([example.row for example in part], left_out) == ([shown[0].row], 11)
    part, _ = examples(run, sum(example.bytes for example in shown) // 2)
    counts = Counter(example.model for example in part)
    assert len(counts) == len({example.model for example in shown})
    assert max(counts.values()) - min(counts.values()) <= 1
    assert part == [example for example in shown if example in part]  # in the same order


def test_flips_and_bars_follow_the_probabilities(run: FinishedRun) -> None:
    shown, _ = examples(run)
    for place, example in enumerate(shown):
        before = run.gallery["clean_probabilities"][place][:7].argmax()
        after = run.gallery["attacked_probabilities"][place][:7].argmax()
        assert example.flipped == (before != after)
        assert [bar.wins_after for bar in example.bars].index(True) == after
        assert sum(bar.is_label for bar in example.bars) == 1


def test_a_probability_is_none_or_all_only_where_that_is_exact(run: FinishedRun) -> None:
    gallery = {name: values.copy() for name, values in run.gallery.items()}
    gallery["clean_probabilities"][0][:7] = [0.9996, 0.0004, 0, 0, 0, 0, 0]
    first = examples(replace(run, gallery=gallery))[0][0]
    assert [bar.before_text for bar in first.bars[:3]] == [">99", "<1", "0"]


def test_missing_files_are_named(tmp_path: Path) -> None:
    write_run(tmp_path, Wishes(models=FOUR[:1], label_sets=("fer",), corruptions=(), examples=0))
    (tmp_path / "checks.parquet").unlink()
    with pytest.raises(InputError, match=r"checks\.parquet"):
        write_report(tmp_path)
