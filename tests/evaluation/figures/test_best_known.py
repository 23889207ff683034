"""Verified outside attacks lower what is known to survive, and survive rescoring and resuming."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7, SCHEMES, LabelSet
from evaluation.figures.best_known import best_known_figures
from evaluation.figures.score_run import rescore
from evaluation.results.outside import keep_outside, read_outside
from evaluation.results.run import FinishedRun
from evaluation.results.schema import OUTSIDE_COLUMNS
from tests.evaluation import tiny
from tests.evaluation.figures.eight_faces import CLEAN, PGD, image_rows

NAN = float("nan")


def outside(**sizes: float) -> pd.DataFrame:
    """Confirmed images of faces such as r52."""
    frame = pd.DataFrame({"row": [int(row[1:]) for row in sizes], "size": list(sizes.values())})
    frame = frame.assign(model="net.fer", attacked_labels="fer", norm="linf")
    return frame[list(OUTSIDE_COLUMNS)].astype(OUTSIDE_COLUMNS)


def known(found: pd.DataFrame) -> dict[float, tuple[float, int]]:
    frame = pd.concat([image_rows(CLEAN), PGD], ignore_index=True)
    figures = best_known_figures(frame, found, {"net.fer": FER7}, (0.1, 0.2), "PublicTest", 0)
    assert set(figures.metric) <= {"best_known_accuracy"}
    every = figures[figures.subset == "all"]
    return {row.eps: (row.value, row.n) for row in every.itertuples()}


def test_confirmed_images_count_from_their_own_size_on() -> None:
    # the run: 3 and 6 wrong, 0 and 4 broken at .1, 1 and 2 at .2; 5 and 7 stand
    assert known(outside(r55=0.15)) == {0.1: (4 / 8, 8), 0.2: (1 / 8, 8)}
    # 1 falls earlier now; 4 was broken and 3 wrong already; a size a millionth above counts
    assert known(outside(r51=0.1 * (1 + 5e-7), r54=0.05, r53=0.01)) == {
        0.1: (3 / 8, 8),
        0.2: (2 / 8, 8),
    }
    twice = pd.concat([outside(r57=0.2), outside(r57=0.09)])
    assert known(twice) == {0.1: (3 / 8, 8), 0.2: (1 / 8, 8)}
    assert known(outside()) == {}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = tmp_path_factory.mktemp("run")
    return FinishedRun(tiny.write_run(folder, tiny.config(corruptions=(), eps=(0.02,))))


def standing(run: FinishedRun) -> pd.DataFrame:
    """Rows of faces that the run's attacks did not break."""
    rows = run.per_image[(run.per_image.model == "tiny.fer")]
    rows = rows[(rows.attacked_labels == "fer")]
    fallen = rows.smallest_eps.notna().groupby(rows.row).any()
    left = rows[~rows.row.map(fallen)].drop_duplicates("row")
    assert len(left) > 2
    return left


def keep(run: FinishedRun, name: str = "theirs", **changes: object) -> int:
    left = standing(run)
    values: dict = {
        "classifier": tiny.classifier(),
        "attacked_labels": "fer",
        "norm": "linf",
        "rows": np.array([*left.row[:3], 10**6]),
        "pixels": np.array([*tiny.faces().pixel_hashes[left.row[:3] - 100], 0]),
        "labels": np.array([*left.label[:3], 0]),
        "sizes": np.array([0.01, NAN, 0.02, 0.01]),  # the second is not confirmed
    }
    return keep_outside(run, name, **values | changes)


def test_images_of_other_faces_with_the_same_row_are_refused(finished: FinishedRun) -> None:
    left = standing(finished)
    others = tiny.faces().pixel_hashes[[*(left.row[:3] - 100), 0]]
    others[1] += 1
    with pytest.raises(InputError, match=f"row {left.row.iloc[1]} has other pixels than the face"):
        keep(finished, pixels=others)


def test_they_lower_the_figure_and_survive_rescoring_and_resuming(
    finished: FinishedRun, tmp_path: Path
) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    run = FinishedRun(tmp_path / "run")
    before = run.csv.read_bytes()
    assert keep(run) == 2  # one is not confirmed, one not of this run
    rescore(run)
    after = run.csv.read_bytes()
    results = FinishedRun(run.folder).results
    figures = results[(results.subset == "all") & (results.model == "tiny.fer")]
    figures = figures[(figures.attacked_labels == "fer") & (figures.label_set == "fer")]
    worst = figures[(figures.perturbation == "worst_case") & (figures.metric == "robust_accuracy")]
    best = figures[figures.metric == "best_known_accuracy"]
    assert best.value.iloc[0] == pytest.approx(worst.value.iloc[0] - 2 / worst.n.iloc[0])
    assert len(after.splitlines()) > len(before.splitlines())
    assert set(before.splitlines()) <= set(after.splitlines())
    tiny.write_run(run.folder, tiny.config(corruptions=(), eps=(0.02,)))  # --resume
    assert run.csv.read_bytes() == after
    (run.folder / "outside" / ".cut.parquet").write_bytes(b"PAR1")  # of a killed command
    assert keep(run, sizes=np.full(4, NAN)) == 0 and read_outside(run.folder).empty
    rescore(run)
    assert run.csv.read_bytes() == before


def test_claims_that_do_not_fit_the_run_are_refused(finished: FinishedRun) -> None:
    with pytest.raises(InputError, match=r"expected a run of tiny\.fer with these"):
        keep(finished, classifier=tiny.classifier(seed=9))
    with pytest.raises(InputError, match="found fer, ferplus in linf"):
        keep(finished, norm="l2")
    first = standing(finished).iloc[0]
    wrong = (int(first.label) + 1) % 7
    with pytest.raises(InputError, match=f"row {first.row} is labelled {FER7.classes[wrong]}"):
        keep(finished, rows=np.array([first.row]), labels=np.array([wrong]), sizes=np.array([0.1]))
    assert not (finished.folder / "outside").exists()
    assert SCHEMES[LabelSet.FER] is FER7


def test_images_are_kept_for_the_model_of_that_name_where_others_share_its_weights(
    finished: FinishedRun, tmp_path: Path
) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    manifest["models"] = {"first.fer": manifest["models"]["tiny.fer"], **manifest["models"]}
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    keep(FinishedRun(tmp_path / "run"))
    assert set(read_outside(tmp_path / "run").model) == {"tiny.fer"}
