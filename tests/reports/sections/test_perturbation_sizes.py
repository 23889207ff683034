"""Sizes of the changes: one row per model, words for one face, and maps laid over it."""

import numpy as np
import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.charts.pictures import look
from reports.sections.gallery import examples
from reports.sections.perturbation_sizes import perturbation_sizes, size_words
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:2], corruptions=(), examples=4)
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


def test_each_model_has_its_medians(run: FinishedRun) -> None:
    table = perturbation_sizes(run, TOP)
    assert table is not None and sorted(row[0] for row in table.rows) == sorted(FOUR[:2])
    of_first = dict(zip(table.head, next(row for row in table.rows if row[0] == FOUR[0])))
    assert of_first["SSIM"] == "0.970 (0.873\u20130.989)"  # .9 and 1.02 times .97
    assert of_first["Grad-CAM shift"] == "0.31 (0.28\u20130.32)"
    value, ends = of_first["L\u221e"].split(" ")
    assert all(eps.endswith("/255") for eps in [value, *ends.strip("()").split("\u2013")])
    shift = run.results[(run.results["metric"] == "median_cam_shift")]
    shift = shift[(shift["model"] == FOUR[0]) & np.isclose(shift["eps"], 4 / 255)]
    shift = shift[(shift["label_set"] == "fer") & (shift["subset"] == "all")]
    assert of_first["shift under"] == f"PGD ({shift['n'].iloc[0]} faces)"
    assert table.numeric[table.head.index("SSIM")]


def test_runs_without_sizes_have_no_table(run: FinishedRun) -> None:
    assert perturbation_sizes(run, None) is None
    bare = run.results[~run.results["metric"].str.startswith("median_l")]
    assert perturbation_sizes(replace(run, results=bare), TOP) is None
    blind = run.results[run.results["metric"] != "median_cam_shift"]
    table = perturbation_sizes(replace(run, results=blind), TOP)
    assert table is not None and table.rows[0][6:8] == ["\u2014", "\u2014"]


def test_known_sizes_are_said() -> None:
    line = pd.Series({"linf": 2 / 255, "l2": 0.256, "l1": 8.04, "ssim": np.nan, "cam_shift": 0.5})
    assert size_words(line) == ["L\u221e 2/255", "L2 0.26", "L1 8.0", "Grad-CAM shift 0.50"]


def test_examples_carry_their_sizes_and_maps(run: FinishedRun) -> None:
    shown, _ = examples(run)
    line = run.per_image[(run.per_image["row"] == 0) & (run.per_image["perturbation"] == "pgd")]
    first = line[(line["model"] == FOUR[0]) & (line["attacked_labels"] == "fer")].iloc[0]
    assert shown[0].sizes == size_words(first)
    assert [len(example.looks) for example in shown] == [2, 0, 2, 0]
    older = {name: values for name, values in run.gallery.items() if "cam" not in name}
    assert [len(example.looks) for example in examples(replace(run, gallery=older))[0]] == [0] * 4


def test_warm_places_are_those_of_the_map() -> None:
    face = np.full((2, 2, 1), 100, np.uint8)
    seen = look(face, np.array([[0, 0], [0, 255]], np.uint8))
    np.testing.assert_array_equal(seen[0, 0], [100, 100, 100])
    red, green, blue = seen[1, 1].astype(int)
    assert red > green > 100 and red > blue
