"""Who is ranked, and in which order, on a made-up run: bounds, crashes, ties, missing scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.comparing import ranking
from evaluation.comparing.ranking import Entry, Ranking, image_scores, rank_models
from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import Wishes

MODELS = ("one.fer", "two.fer", "three.fer")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=MODELS, label_sets=("fer",), corruptions=(), examples=0, flagged=False)
    folder: Path = tmp_path_factory.mktemp("run")
    return FinishedRun(write_run(folder, wishes))


def ranked(
    monkeypatch: pytest.MonkeyPatch, run: FinishedRun, **scores: list[float]
) -> tuple[Ranking, list[Headline | None]]:
    """Ranking of `MODELS` from made-up scores of images, and the headlines they were asked at."""
    asked: list[Headline | None] = []
    rows = run.per_image.row.unique()
    named = dict(zip(MODELS, scores.values(), strict=True))

    def made(entry: Entry, top: Headline | None) -> pd.Series:
        asked.append(top)
        values = named[entry.model]
        return pd.Series(values, rows[: len(values)], dtype=float)

    monkeypatch.setattr(ranking, "image_scores", made)
    return rank_models({name: Entry(run, name, "fer") for name in MODELS}), asked


def accuracies(run: FinishedRun, **values: float | None) -> FinishedRun:
    """The run with other clean accuracies; None takes the row away."""
    results = run.results.copy()
    for model, value in zip(MODELS, values.values(), strict=True):
        clean = (results.model == model) & (results.metric == "accuracy")
        clean &= (results.subset == "all") & (results.perturbation == "none")
        results.loc[clean, "value"] = value
        results = results.drop(index=results.index[clean & (value is None)])
    return replace(run, results=results)


def test_ties_are_in_the_order_of_clean_accuracy(
    monkeypatch: pytest.MonkeyPatch, run: FinishedRun
) -> None:
    same = {"one": [0.5] * 4, "two": [0.5] * 4, "three": [0.5] * 4}
    for values, order in (
        ({"one": 0.5, "two": 0.7, "three": 0.6}, [1, 2, 0]),
        ({"one": np.nan, "two": 0.7, "three": 0.6}, [1, 2, 0]),  # not measured: last
        ({"one": None, "two": 0.6, "three": 0.7}, [2, 1, 0]),
    ):
        found, _ = ranked(monkeypatch, accuracies(run, **values), **same)
        assert found.order == [MODELS[place] for place in order]
        assert set(found.ranges.values()) == {(1, 3)}


def test_first_those_with_a_rank_then_the_crashed_then_upper_bounds(
    monkeypatch: pytest.MonkeyPatch, run: FinishedRun
) -> None:
    models: dict[str, Any] = {
        model: entry | {"black_box": model == MODELS[0]}
        for model, entry in run.manifest["models"].items()
    }
    worst = run.results[run.results.metric == "robust_accuracy"]
    failed = worst[worst.model == MODELS[1]].iloc[:1].assign(status="error", value=np.nan, n=0)
    results = pd.concat([run.results, failed], ignore_index=True)
    mixed = replace(run, results=results, manifest=run.manifest | {"models": models})
    assert [Entry(mixed, name, "fer").is_upper_bound for name in MODELS] == [True, False, False]
    assert [Entry(mixed, name, "fer").is_whole for name in MODELS] == [True, False, True]
    found, _ = ranked(monkeypatch, mixed, one=[0.9] * 9, two=[0.5] * 9, three=[0.1] * 9)
    assert found.order == [MODELS[2], MODELS[1], MODELS[0]]
    assert found.ranges == {MODELS[2]: (1, 1)}
    assert found.pairs.empty


def test_a_model_without_scores_has_no_rank_and_comes_last(
    monkeypatch: pytest.MonkeyPatch, run: FinishedRun
) -> None:
    found, _ = ranked(monkeypatch, run, one=[], two=[0.0] * 9, three=[0.5] * 9)
    assert found.order == [MODELS[2], MODELS[1], MODELS[0]]
    assert set(found.ranges) == {MODELS[1], MODELS[2]}
    failed = run.results[run.results.metric == "robust_accuracy"]
    crashed = [
        failed[failed.model == name].iloc[:1].assign(status="error", value=np.nan, n=0)
        for name in MODELS[:2]
    ]
    both = replace(run, results=pd.concat([run.results, *crashed], ignore_index=True))
    found, _ = ranked(monkeypatch, both, one=[], two=[0.0] * 9, three=[0.5] * 9)
    assert found.order == [MODELS[2], MODELS[1], MODELS[0]]  # neither has a rank


def test_the_headline_is_that_of_the_first_run_with_attacks(
    monkeypatch: pytest.MonkeyPatch, run: FinishedRun
) -> None:
    clean = replace(run, results=run.results[run.results.perturbation == "none"])
    asked: list[Headline | None] = []

    def made(entry: Entry, top: Headline | None) -> pd.Series:
        asked.append(top)
        return pd.Series([0.5], [0])

    monkeypatch.setattr(ranking, "image_scores", made)
    rank_models({"clean": Entry(clean, MODELS[0], "fer"), "attacked": Entry(run, MODELS[1], "fer")})
    assert asked == [Headline("linf", 4 / 255)] * 2


def test_22_against_10_images_are_not_distinguishable(
    monkeypatch: pytest.MonkeyPatch, run: FinishedRun
) -> None:
    """The p-value is .0501, so the level is 5 % and not a little more."""
    first = [1.0] * 22 + [0.0] * 10
    found, _ = ranked(monkeypatch, run, one=first, two=[1 - one for one in first], three=[])
    (test,) = found.pairs.itertuples()
    assert 0.05 < test.p_value < 0.0503 and test.n == 32
    assert not test.distinguishable
    assert found.ranges == {MODELS[0]: (1, 2), MODELS[1]: (1, 2)}


def test_scores_of_a_grid_that_holds_0_and_of_a_model_without_answers(run: FinishedRun) -> None:
    top = Headline("linf", 4 / 255)
    entry = Entry(run, MODELS[0], "fer")
    before = image_scores(entry, top)
    worst = run.results[
        (run.results.perturbation == "worst_case") & (run.results.metric == "robust_accuracy")
    ]
    wider = replace(run, results=pd.concat([run.results, worst.iloc[:1].assign(eps=0.0)]))
    pd.testing.assert_series_equal(image_scores(Entry(wider, MODELS[0], "fer"), top), before)
    silent = replace(run, per_image=run.per_image[run.per_image.model != MODELS[0]])
    assert image_scores(Entry(silent, MODELS[0], "fer"), None).tolist() == []
