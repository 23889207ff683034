"""`--seeds`: attacks repeated with other seeds, whose spread joins the figures of the first."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.labels import LabelSet
from evaluation.config import AttackSettings
from evaluation.figures.score_run import rescore
from evaluation.figures.seeds import seed_figures
from evaluation.listener import Listener
from evaluation.results.run import FinishedRun
from evaluation.results.schema import SEEDS, UNMOVED
from evaluation.stages.pipeline import evaluate_run
from evaluation.summary_table import summary_table
from reports.markdown import render_markdown
from tests.evaluation import tiny

nan = float("nan")
ATTACKS = (AttackSettings(name="noise"), AttackSettings(name="fgsm"))
CONFIG = tiny.config(labels=(LabelSet.FER,), corruptions=(), attacks=ATTACKS)


@pytest.fixture(scope="module")
def thrice(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = tmp_path_factory.mktemp("thrice")
    return FinishedRun(tiny.write_run(folder, CONFIG.model_copy(update={"seeds": 3})))


def test_figures_are_those_of_the_first_seed_and_the_spread_joins_them(
    thrice: FinishedRun, tmp_path: Path
) -> None:
    once = FinishedRun(tiny.write_run(tmp_path, CONFIG))
    assert not (tmp_path / SEEDS).exists()
    added = thrice.results.metric == "robust_accuracy_spread"
    pd.testing.assert_frame_equal(thrice.results[~added].reset_index(drop=True), once.results)
    spread = thrice.results[added]
    assert set(spread.perturbation) == {"noise", "fgsm", "worst_case"}
    assert len(spread) == 2 * 3 * 2  # models, attacks with their worst case, eps
    assert spread.ci_low.isna().all() and (spread.n == 40).all()
    noise = spread[spread.perturbation == "noise"]
    assert noise.detail.str.fullmatch(r"(\d+\.\d % with seed [012](, )?){3}").all()
    assert noise.value.max() > 0  # other draws
    fgsm = spread[spread.perturbation == "fgsm"]
    assert (fgsm.value == 0).all()
    assert fgsm.detail.str.contains("draws nothing at random").all()
    assert fgsm.detail.str.startswith(UNMOVED).all()


def test_the_first_seeds_figure_is_among_them(thrice: FinishedRun) -> None:
    rows = tiny.figures(thrice.results, "robust_accuracy", perturbation="noise", model="tiny.fer")
    spread = tiny.figures(
        thrice.results, "robust_accuracy_spread", perturbation="noise", model="tiny.fer"
    )
    for figure, told in zip(rows.value, spread.detail, strict=True):
        assert told.startswith(f"{100 * figure:.1f} % with seed 0, ")


def test_rescoring_and_resuming_keep_them(thrice: FinishedRun) -> None:
    before = thrice.csv.read_bytes()
    rescore(FinishedRun(thrice.folder))
    assert thrice.csv.read_bytes() == before
    told: list[str] = []
    listener = Listener(line=told.append, chunk=lambda *_: None)
    again = CONFIG.model_copy(update={"seeds": 3})
    evaluate_run(again, tiny.faces(), tiny.models(), thrice.folder, None, listener)
    assert thrice.csv.read_bytes() == before
    assert [line for line in told if "noise" in line and "reused" not in line] == []
    assert "attacks again with seed 2" in told


def test_the_summary_names_the_seeds(thrice: FinishedRun) -> None:
    text = summary_table(thrice.results, thrice.config.eps)
    assert "tiny.fer under fer labels at 0.1: " in text
    assert "with seed 2" in text.splitlines()[-1] or UNMOVED in text.splitlines()[-1]


def test_report_md_names_the_seeds_at_the_headline_eps(thrice: FinishedRun) -> None:
    text = render_markdown(thrice)
    (line,) = [line for line in text.splitlines() if line.startswith("- `tiny.fer`, FER labels: ")]
    worst = tiny.figures(
        thrice.results, "robust_accuracy_spread", perturbation="worst_case", model="tiny.fer"
    )
    assert line.endswith(worst.detail.iloc[0])  # of the grid (0.02, 0.1) that is 0.02
    assert "attacks repeated:" in text


def test_a_spread_of_0_says_whether_any_draw_mattered() -> None:
    """fgsm breaks the same faces with both seeds; pgd other faces, but as many."""
    shared = {"model": "a", "attacked_labels": "fer", "source": "a", "norm": "linf"}
    parts = {"fgsm": ([0.1, nan], [0.1, nan]), "pgd": ([0.1, nan], [nan, 0.1])}
    first, other = (
        pd.concat(
            pd.DataFrame({"row": [1, 2], "smallest_eps": found[seed], "perturbation": name})
            for name, found in parts.items()
        ).assign(**shared)
        for seed in (0, 1)
    )
    grids = dict.fromkeys(["fgsm", "pgd", "worst_case"], (0.1,))
    found = seed_figures(first, other.assign(seed=8), grids, "PublicTest", seed=7)
    told = found.set_index("perturbation").detail
    assert (found[found.perturbation != "worst_case"].value == 0).all()
    assert told["fgsm"].startswith(f"{UNMOVED}, 50.0 % robust with seeds 7, 8: the attack draws")
    assert told["pgd"] == "50.0 % with seed 7, 50.0 % with seed 8"


def test_spread_by_hand() -> None:
    shared = {
        "model": "a", "attacked_labels": "fer", "perturbation": "pgd", "source": "a", "norm": "linf"
    }  # fmt: skip
    first = pd.DataFrame({"row": [1, 2, 3, 4], "smallest_eps": [0.0, 0.1, nan, nan], **shared})
    other = pd.DataFrame(
        {"seed": 8, "row": [1, 2, 3, 4], "smallest_eps": [0.0, 0.2, 0.1, nan], **shared}
    )
    grids = {"pgd": (0.1, 0.2), "worst_case": (0.1, 0.2)}
    found = seed_figures(first, other, grids, "PublicTest", seed=7)
    rows = found[found.perturbation == "pgd"].set_index("eps")
    # at 0.1 both leave two of four; at 0.2 two against one
    assert rows.loc[0.1, "value"] == 0 and rows.loc[0.2, "value"] == 0.25
    assert rows.loc[0.2, "detail"] == "50.0 % with seed 7, 25.0 % with seed 8"
    assert np.isnan(rows.ci_high).all() and (rows.n == 4).all()
    assert seed_figures(first, other.iloc[:0], grids, "PublicTest", seed=7).empty


def test_one_robust_face_of_many_is_not_told_as_none() -> None:
    shared = {
        "model": "a", "attacked_labels": "fer", "perturbation": "pgd", "source": "a", "norm": "linf"
    }  # fmt: skip
    first = pd.DataFrame({"row": np.arange(3000), "smallest_eps": 0.1, **shared})
    other = first.assign(seed=8, smallest_eps=[nan, *[0.1] * 2999])
    grids = {"pgd": (0.1,), "worst_case": (0.1,)}
    found = seed_figures(first, other, grids, "PublicTest", seed=7)
    assert set(found.detail) == {"0.0 % with seed 7, <0.1 % with seed 8"}


def test_only_faces_that_all_seeds_attacked_are_compared() -> None:
    """With the first seed pgd attacked all faces, as the model ranked first, and broke two more."""
    shared = {
        "model": "a", "attacked_labels": "fer", "perturbation": "pgd", "source": "a", "norm": "linf"
    }  # fmt: skip
    first = pd.DataFrame({"row": [1, 2, 3, 4], "smallest_eps": [0.1, nan, 0.1, 0.1], **shared})
    other = pd.DataFrame({"seed": 8, "row": [1, 2], "smallest_eps": [0.1, nan], **shared})
    grids = {"pgd": (0.1,), "worst_case": (0.1,)}
    found = seed_figures(first, other, grids, "PublicTest", seed=7)
    assert set(found.perturbation) == {"pgd", "worst_case"}
    assert (found.value == 0).all() and (found.n == 2).all()
    told = found.set_index("perturbation").detail
    assert "without" not in told["pgd"]
    assert told["worst_case"].endswith("; without pgd on faces where not every seed has it")


def test_a_worst_case_says_which_attack_failed_with_a_seed() -> None:
    """PGD breaks both faces with the first seed and failed with the other; noise breaks none."""
    shared = {"model": "a", "attacked_labels": "fer", "source": "a", "norm": "linf", "row": [1, 2]}
    noise = pd.DataFrame({"perturbation": "noise", "smallest_eps": nan, **shared})
    pgd = pd.DataFrame({"perturbation": "pgd", "smallest_eps": 0.1, **shared})
    grids = dict.fromkeys(["noise", "pgd", "worst_case"], (0.1,))
    first, other = pd.concat([noise, pgd]), noise.assign(seed=8)
    found = seed_figures(first, other, grids, "PublicTest", seed=7)
    told = found.set_index("perturbation").detail
    assert told["worst_case"] == (  # not those of the run, whose robust accuracy is 0
        f"{told['noise']}; without pgd on faces where not every seed has it"
    )
