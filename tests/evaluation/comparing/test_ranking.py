"""One ranking for page, report and boards: by the area under the security curve."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.comparing import ranking
from evaluation.comparing.boards import leaderboards
from evaluation.comparing.ranking import Entry, Ranking, rank_models, run_rankings
from evaluation.results.run import FinishedRun
from evaluation.results.schema import ANY_BATCH
from evaluation.results.select import Headline
from evaluation.statistics.paired import mcnemar
from tests.evaluation.comparing.edits import rename
from tests.evaluation.held_rows import HeldRows

LABELS = "fer"


def ranked(monkeypatch: pytest.MonkeyPatch, run: FinishedRun, **scores: list[float]) -> Ranking:
    """A ranking of models whose images have these scores."""
    rows = run.per_image.row.unique()
    made = {name: pd.Series(values, rows[: len(values)], float) for name, values in scores.items()}
    monkeypatch.setattr(ranking, "image_scores", lambda entry, _: made[entry.model])
    return rank_models({name: Entry(run, name, LABELS) for name in made})


def test_ranks_by_hand(monkeypatch: pytest.MonkeyPatch, first: Path) -> None:
    # a beats c on 9 of 9 images, p = 2 / 2^9 = .0039, over 3 pairs .012; b differs from c on 6,
    # p = 2 / 2^6 = .031, next .062; b differs from a on 3, p = 2 / 2^3 = .25
    run = FinishedRun(first)
    found = ranked(monkeypatch, run, c=[0] * 9, a=[0.5] * 9, b=[0.5] * 6 + [0] * 3)
    assert found.order == ["a", "b", "c"]
    assert found.ranges == {"a": (1, 2), "b": (1, 3), "c": (2, 3)}
    assert found.not_distinguishable("a") == ["b"]
    assert found.not_distinguishable("b") == ["a", "c"]
    tests = found.pairs.set_index(["model_a", "model_b"])
    assert tests.p_value.to_dict() == pytest.approx(
        {("c", "a"): 2 / 2**9, ("c", "b"): 2 / 2**6, ("a", "b"): 2 / 2**3}
    )
    assert tests.p_holm.to_dict() == pytest.approx(
        {("c", "a"): 3 * 2 / 2**9, ("c", "b"): 2 * 2 / 2**6, ("a", "b"): 2 / 2**3}
    )
    assert tests.difference["c", "a"] == pytest.approx(-0.5)


def test_models_at_the_floor_are_told_apart_by_smaller_eps(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    """Both lose every face at the headline eps, but one of them only there."""

    def at(eps: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
        def change(rows: pd.DataFrame) -> pd.DataFrame:
            attacked = (rows.model == "tiny.fer") & (rows.attacked_labels != "")
            rows.loc[attacked, "smallest_eps"] = np.where(rows.loc[attacked, "row"] % 4 > 0, eps, 0)
            rows.loc[attacked & (rows.attacked_labels != LABELS), "smallest_eps"] = 0
            clean = (rows.model == "tiny.fer") & (rows.perturbation == "none")
            row, fer = rows.loc[clean, "row"], rows.loc[clean, "fer"]
            rows.loc[clean, "prediction"] = np.where(row % 4 > 0, fer, (fer + 1) % 7)
            return rows

        return change

    grid = (0.005, 0.01)
    runs = [
        make("weak", at(0.005), regrid(grid)),
        make("strong", at(0.01), regrid(grid, renamed=True)),
    ]
    board = leaderboards(runs)
    fer = board[board.label_set == LABELS]
    assert fer.robust_accuracy.tolist() == [0, 0]
    assert [Path(run).name for run in fer.run] == ["strong", "weak"]
    assert fer[["best_rank", "worst_rank"]].to_numpy().tolist() == [[1, 1], [2, 2]]
    # 3 of 4 faces are right up to .005 (and then fall to 0 at .01): half of .75 and half of .375
    faces = fer.n.iloc[0]
    right = (np.arange(faces) % 4 > 0).mean()
    assert fer.curve_area.tolist() == pytest.approx([right * 0.75, right * 0.25])


def regrid(grid: tuple[float, ...], renamed: bool = False) -> Callable[[dict], None]:
    def change(manifest: dict) -> None:
        if renamed:
            rename(manifest)
        manifest["config"]["eps"] = [str(eps) for eps in grid]

    return change


def test_a_run_has_one_ranking_wherever_it_is_shown(first: Path) -> None:
    run = FinishedRun(first)
    board = leaderboards([run]).set_index("model")
    for name, found in run_rankings(run).items():
        ranks = board[board.label_set == name][["best_rank", "worst_rank"]]
        assert {model: tuple(row) for model, row in ranks.T.items()} == found.ranges
        assert list(ranks.index) == found.order


def test_a_model_whose_answers_depend_on_the_batch_has_no_rank(first: Path) -> None:
    run = FinishedRun(first)
    checks = run.checks.copy()
    batch = (checks.model == "tiny.fer") & (checks.check == ANY_BATCH)
    assert batch.sum() == 1
    checks.loc[batch, "status"] = "flagged"
    vars(run)["checks"] = checks
    entries = {name: Entry(run, name, LABELS) for name in ("tiny.fer", "tiny.ferplus")}
    found = rank_models(entries)
    assert found.ranges == {"tiny.ferplus": (1, 1)}
    assert found.order == ["tiny.ferplus", "tiny.fer"]


@pytest.mark.parametrize("status", ["flagged", "error"])
def test_an_attack_that_has_not_converged_gives_a_provisional_rank(
    first: Path, make: Callable[..., FinishedRun], status: str
) -> None:
    run = make("doubled")
    assert not rank_models({"a": Entry(run, "tiny.fer", LABELS)}).provisional
    checks = run.checks.copy()
    doubled = (checks.model == "tiny.fer") & (checks.rule == "R6")
    assert set(checks.attacked_labels[doubled]) == {LABELS}
    checks.loc[doubled, "status"] = status
    vars(run)["checks"] = checks
    entries = {name: Entry(run, name, LABELS) for name in ("tiny.fer", "tiny.ferplus")}
    assert rank_models(entries).provisional == {"tiny.fer": ["R6"]}
    assert not Entry(run, "tiny.fer", "ferplus").doubted_by  # only these labels were doubled
    board = leaderboards([run]).set_index(["label_set", "model"])
    assert board.provisional.to_dict() == {
        ("fer", "tiny.fer"): True, ("ferplus", "tiny.ferplus"): False
    }  # fmt: skip


@pytest.mark.parametrize("rule", ["R3", "R4", "R25"])
def test_a_model_whose_attack_does_not_work_has_no_rank(first: Path, rule: str) -> None:
    run = FinishedRun(first)
    failed = run.checks.iloc[:1].assign(
        model="tiny.fer", rule=rule, attacked_labels=LABELS, status="flagged"
    )
    vars(run)["checks"] = pd.concat([run.checks, failed], ignore_index=True)
    entries = {name: Entry(run, name, LABELS) for name in ("tiny.fer", "tiny.ferplus")}
    found = rank_models(entries)
    assert found.void == {"tiny.fer": [rule]}
    assert found.ranges == {"tiny.ferplus": (1, 1)}
    assert found.order == ["tiny.ferplus", "tiny.fer"]
    assert not Entry(run, "tiny.fer", "ferplus").void_by  # the attack on other labels works


def test_a_crash_under_one_label_set_takes_no_rank_under_the_other(first: Path) -> None:
    run = FinishedRun(first)
    attacked = run.results[
        (run.results.metric == "robust_accuracy") & (run.results.attacked_labels == LABELS)
    ]
    model = str(attacked.model.iloc[0])
    failed = attacked.iloc[:1].assign(status="error", value=np.nan, n=0)
    run.__dict__["results"] = pd.concat([run.results, failed], ignore_index=True)
    assert not Entry(run, model, LABELS).is_whole
    assert Entry(run, model, "ferplus").is_whole


def test_without_attacks_models_are_ranked_by_clean_accuracy(first: Path) -> None:
    run = FinishedRun(first)
    vars(run)["results"] = run.results[run.results.perturbation == "none"]
    entry = Entry(run, "tiny.fer", LABELS)
    rows = run.per_image[(run.per_image.model == "tiny.fer") & (run.per_image.severity.isna())]
    clean = rows[(rows.perturbation == "none") & (rows.fer >= 0)].set_index("row")
    scores = ranking.image_scores(entry, None)
    assert scores.to_dict() == (clean.prediction == clean.fer).astype(float).to_dict()
    other = Entry(run, "tiny.ferplus", LABELS)
    found = rank_models({"one": entry, "two": other})
    both = ranking.image_scores(other, None)
    test = mcnemar(scores.loc[both.index].to_numpy(bool), both.to_numpy(bool))
    assert found.pairs.p_value.tolist() == pytest.approx([test.p_value])


def test_scores_end_at_the_headline_eps(first: Path) -> None:
    """What happens beyond it moves no rank: the tiny grid is .02 and .1, the headline .02."""
    run = FinishedRun(first)
    entry = Entry(run, "tiny.fer", LABELS)
    before = ranking.image_scores(entry, Headline("linf", 0.02))
    rows = run.per_image.copy()
    rows.loc[rows.smallest_eps == 0.1, "smallest_eps"] = np.nan
    changed = FinishedRun(first)
    vars(changed).update(images=HeldRows(rows), results=run.results)
    pd.testing.assert_series_equal(
        ranking.image_scores(Entry(changed, "tiny.fer", LABELS), Headline("linf", 0.02)), before
    )
    assert before.nunique() > 1


def test_equal_images_keep_one_sign_in_the_test(
    monkeypatch: pytest.MonkeyPatch, first: Path
) -> None:
    """a beats b on 8 images in 4 groups: p is 2 / 2^4, not 2 / 2^8."""
    run = FinishedRun(first)
    rows = run.per_image.row.unique()[:8]
    made = {"a": pd.Series([1.0] * 8, index=rows), "b": pd.Series([0.0] * 8, index=rows)}
    monkeypatch.setattr(ranking, "image_scores", lambda entry, _: made[entry.model])
    twins = dict(zip(rows, np.repeat(rows[::2], 2), strict=True))
    images = run.per_image
    groups = images.row.map(lambda row: twins.get(row, row)).astype("Int64")
    vars(run)["images"] = HeldRows(images.assign(group=groups))
    found = rank_models({name: Entry(run, name, LABELS) for name in made})
    assert found.pairs.p_value.tolist() == pytest.approx([2 / 2**4])
