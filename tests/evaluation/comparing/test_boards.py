"""Models of several runs ranked on boards, on tiny finished runs."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation import leaderboard
from evaluation.comparing import boards
from evaluation.comparing.attack_names import attack_names
from evaluation.comparing.boards import BOARD_COLUMNS, find_runs, leaderboards
from evaluation.comparing.changes import compare_runs
from evaluation.comparing.ranking import Entry
from evaluation.results.files import write_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import FINGERPRINTS, RESULT_COLUMNS
from evaluation.text_table import FLAG_MEANS
from tests.evaluation.comparing.edits import config, data, other_steps, rename, without


def test_models_of_several_runs_are_ranked_together(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    def better(rows: pd.DataFrame) -> pd.DataFrame:
        attacked = (rows.model == "tiny.fer") & (rows.attacked_labels != "")
        rows.loc[attacked, "smallest_eps"] = np.nan
        rows.loc[attacked, "clean_prediction"] = rows.loc[attacked, "label"]
        clean = (rows.model == "tiny.fer") & (rows.perturbation == "none")
        rows.loc[clean, "prediction"] = rows.loc[clean, "fer"]
        return rows

    def newer(manifest: dict) -> None:
        rename(manifest)
        manifest["started"] = "2026-02-01T00:00:00+00:00"

    table = leaderboards([FinishedRun(first), make("robust", better, newer)])
    assert list(table.columns) == list(BOARD_COLUMNS)
    fer = table[table.label_set == "fer"]
    assert [Path(run).name for run in fer.run] == ["robust", "first"]
    assert fer.robust_accuracy.tolist()[0] == 1
    assert fer[["best_rank", "worst_rank"]].to_numpy().tolist() == [[1, 1], [2, 2]]
    # the same weights of tiny.ferplus in both: once, in the newest run
    ferplus = table[table.label_set == "ferplus"]
    assert [Path(run).name for run in ferplus.run] == ["robust"]
    assert ferplus[["best_rank", "worst_rank"]].to_numpy().tolist() == [[1, 1]]


def test_a_model_that_answers_differently_counts_beside_the_older_one(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    """Its hash is the same, as that of code that reads its weights from a file, or of a service."""
    runs = [make("older"), make("newer", manifest=newer)]
    for run, level in zip(runs, (0.0, 1.0), strict=True):
        logits = {name: [[level, 0.5, 0.0]] * 8 for name in ("tiny.fer", "tiny.ferplus")}
        logits["tiny.ferplus"] = [[0.0, 0.5, 1.0]] * 8
        (run.folder / FINGERPRINTS).write_text(json.dumps(logits))
    table = leaderboards(runs)
    assert sorted(Path(run).name for run in table[table.label_set == "fer"].run) == [
        "newer",
        "older",
    ]
    assert [Path(run).name for run in table[table.label_set == "ferplus"].run] == ["newer"]
    notes = compare_runs(runs).notes
    assert [note for note in notes if "files are the same" in note] == [
        f"{runs[1].folder}: tiny.fer: other logits for fixed images, though its files are the same"
    ]


def newer(manifest: dict) -> None:
    manifest["started"] = "2026-02-01T00:00:00+00:00"


def test_the_newest_run_is_known_across_time_zones(make: Callable[..., FinishedRun]) -> None:
    def at(time: str) -> Callable[[dict], None]:
        return lambda manifest: manifest.update(started=time)

    newest = make("a", manifest=at("2026-02-01T09:00:00+00:00"))
    make("b", manifest=at("2026-02-01T10:00:00+02:00"))  # an hour earlier
    runs, _ = find_runs(newest.folder.parent)
    assert runs[-1].folder == newest.folder
    with pytest.raises(InputError, match="found at started: must be a time with its zone"):
        _ = make("c", manifest=at("2026-02-01T10:00:00")).manifest


def test_models_that_cannot_be_told_apart_share_a_range(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    table = leaderboards([FinishedRun(first), make("again", manifest=rename)])
    fer = table[table.label_set == "fer"]
    assert fer[["best_rank", "worst_rank"]].to_numpy().tolist() == [[1, 2], [1, 2]]


@pytest.mark.parametrize("status", ["error", "not applicable"])
def test_a_worst_case_that_lacks_an_attack_has_no_rank(
    status: str, first: Path, make: Callable[..., FinishedRun]
) -> None:
    def lacking(manifest: dict) -> None:
        rename(manifest)
        manifest["models"]["tiny.fer"]["black_box"] = status == "not applicable"
        for entry in manifest["perturbations"]:
            if entry["model"] == "tiny.fer" and entry["perturbation"] == "pgd":
                entry |= {"status": status, "message": "boom"}

    drop = without("pgd", "tiny.fer", "fer")
    part = make("part", lambda frame: without("pgd", "tiny.fer", "ferplus")(drop(frame)), lacking)
    table = leaderboards([FinishedRun(first), part])
    fer = table[table.label_set == "fer"].set_index("run")
    ranks = fer[["best_rank", "worst_rank"]]
    assert ranks.loc[str(first)].tolist() == [1, 1]
    assert ranks.loc[str(part.folder)].isna().all()
    blind = status == "not applicable"
    assert fer.upper_bound.to_dict() == {str(first): False, str(part.folder): blind}
    assert fer.robust_accuracy[str(part.folder)] > fer.robust_accuracy[str(first)]
    assert not blind or list(fer.index) == [str(first), str(part.folder)]
    _, rows = leaderboard._cells(table[table.label_set == "fer"])
    (row,) = [row for row in rows if row[0] == "-"]
    assert row[2] == "part" and row[-1].startswith("<= ") == blind


@pytest.mark.parametrize(("second", "told"), [("vgg_small.fer", True), ("simple_cnn.fer", False)])
def test_upper_bounds_by_other_surrogates_are_told_apart(
    second: str, told: bool, make: Callable[..., FinishedRun]
) -> None:
    def blind(weights: str, source: str) -> Callable[[dict], None]:
        def edit(manifest: dict) -> None:
            manifest["models"]["tiny.fer"] |= {"black_box": True, "weights_sha256": weights}
            for entry in manifest["perturbations"]:
                if entry["model"] == "tiny.fer":
                    entry["sources"] = [source]

        return edit

    runs = [
        make("one", manifest=blind("1", "simple_cnn.fer")),
        make("two", manifest=blind("2", second)),
    ]
    table = leaderboards(runs)
    fer = table[table.label_set == "fer"]
    assert sorted(fer.surrogates) == sorted(["simple_cnn.fer", second])
    assert bool(leaderboard._note(fer)) == told
    assert fer.best_rank.isna().tolist() == [told] * 2  # whatever their figures, none is better
    assert not leaderboard._note(table[table.label_set == "ferplus"])


def test_other_attacks_or_faces_are_another_board(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    runs = [
        FinishedRun(first),
        make("steps", manifest=other_steps),
        make("faces", manifest=data(sha256="1" * 64)),
    ]
    table = leaderboards(runs)
    assert table.board.nunique() == 6  # three of each label set
    assert (table.worst_rank == 1).all()


def test_the_leaderboard_command(
    first: Path,
    make: Callable[..., FinishedRun],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    again = make("again", manifest=rename)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    for name in ("cut", "damaged", "mixed", "unchecked"):
        shutil.copytree(again.folder, tmp_path / name)
    (tmp_path / "cut" / "per_image" / "_parts.json").write_bytes(b"PAR1")
    attacked = next((tmp_path / "damaged" / "per_image").glob("*tiny.fer/*-noise.parquet"))
    attacked.write_bytes(attacked.read_bytes()[:-100])
    (tmp_path / "unchecked" / "checks.parquet").unlink()
    results = again.results[again.results.model != "tiny.fer"]
    write_table(results, RESULT_COLUMNS, tmp_path / "mixed" / "results.parquet")
    runs, notes = find_runs(tmp_path)
    assert [run.folder.name for run in runs] == ["again"]
    assert [note.startswith("left out: ") for note in notes] == [True] * 5
    assert "_parts.json: expected an intact JSON file" in notes[1]
    assert "-noise.parquet: expected an intact parquet file" in notes[2]
    assert "expected the accuracy of tiny.fer in results.parquet, found none" in notes[3]
    assert "checks.parquet: expected a finished run, found no such file" in notes[4]
    for name in ("board.md", "board.csv"):
        leaderboard.main(tmp_path, tmp_path / name)
    printed = capsys.readouterr()
    assert "worst case linf" in printed.out
    assert "left out" in printed.err
    assert "| rank | model | run |" in (tmp_path / "board.md").read_text()
    assert list(pd.read_csv(tmp_path / "board.csv").columns) == list(BOARD_COLUMNS)


def test_each_figure_has_its_own_flag(make: Callable[..., FinishedRun]) -> None:
    """Such as an area that R6 doubts, beside a sound worst case at the headline."""
    run = make("flagged")
    results = run.results.copy()
    doubted = results.metric.isin(["security_curve_area", "median_smallest_eps"])
    results["status"] = np.where(doubted, "flagged", "ok")
    write_table(results, RESULT_COLUMNS, run.folder / "results.parquet")
    table = leaderboards([FinishedRun(run.folder)])
    assert set(table.status) == set(table.curve_area_status) == {"flagged"}
    assert set(table.accuracy_status) == set(table.robust_accuracy_status) == {"ok"}
    _, rows = leaderboard._cells(table[table.board == 1])
    assert [cell.endswith("!") for cell in rows[0][-3:]] == [False, True, False]
    nothing = table.assign(robust_accuracy=np.nan)
    _, rows = leaderboard._cells(nothing[nothing.board == 1])
    assert rows[0][-1] == "-"


def test_groups_are_those_of_the_scored_faces(make: Callable[..., FinishedRun]) -> None:
    """Faces of a class that a model lacks do not count."""

    def lacking(manifest: dict) -> None:
        classes = manifest["models"]["tiny.fer"]["classes"]
        manifest["models"]["tiny.fer"]["classes"] = ["none", *classes[1:]]

    run = make("lacking", manifest=lacking)
    board = leaderboards([run]).set_index("model").loc["tiny.fer"]
    faces = run.images.faces
    assert 0 < board.groups == faces[faces.fer > 0]["group"].nunique() < len(faces)


@pytest.mark.parametrize(
    ("changes", "explained"),
    [({"provisional": False}, False), ({"provisional": True}, True)],
)
def test_a_mark_is_explained_where_there_is_one(
    changes: dict, explained: bool, first: Path
) -> None:
    sound = {f"{name}_status": "ok" for name in ("accuracy", "robust_accuracy", "curve_area")}
    table = leaderboards([FinishedRun(first)]).assign(**sound, **changes)
    _, _, rows, notes = leaderboard._board(table[table.board == 1], [])
    assert (rows[0][0][-1] == "!") == explained
    assert (FLAG_MEANS in notes) == explained


def test_a_title_names_attacks_that_ran_in_words(make: Callable[..., FinishedRun]) -> None:
    """Of the tier's attacks: Square is for models without gradients, of which the run has none."""

    def more(manifest: dict) -> None:
        manifest["config"]["attacks"].append({"name": "square", "black_boxes_only": True})
        manifest["config"]["attacks"][-2] |= {"limit": 40, "headline_only": ["linf", "l2"]}
        for made in manifest["perturbations"]:
            if made["perturbation"] == "noise":
                made["title"] = ""  # as in older runs

    run = make("more", manifest=more)
    table = leaderboards([run])
    assert set(table.attacks) == {
        "noise, fgsm, pgd limit=40 headline_only=linf+l2 steps=5, square black_boxes_only=True"
    }
    names = attack_names([run], table[table.board == 1])
    assert names == ["noise", "FGSM", "PGD (steps 5, first 40 faces, headline eps only)"]
    title = leaderboard._title(table[table.board == 1], names)
    assert "faces; noise, FGSM, PGD (steps 5, first" in title
    assert leaderboard._title(table, []).partition("; ")[2].startswith("no attacks")


def test_a_folder_without_a_run_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="none that can be read"):
        find_runs(tmp_path)


@pytest.mark.parametrize(
    "change",
    [config(norm="l2"), config(eps=["0.02"]), lambda entries: entries.update(code_version=0)],
)
def test_another_norm_grid_or_version_of_the_attacks_is_another_board(
    change: Callable[[dict], None], first: Path
) -> None:
    run, other = FinishedRun(first), FinishedRun(first)
    entries = json.loads((first / "manifest.json").read_text())
    change(entries)
    vars(other)["manifest"] = entries
    keys = [boards._board(Entry(one, "tiny.fer", "fer")) for one in (run, other)]
    assert keys[0] != keys[1]


def test_an_area_without_an_interval_is_written_without(first: Path) -> None:
    board = leaderboards([FinishedRun(first)]).assign(curve_area_low=np.nan, curve_area_high=np.nan)
    head, rows = leaderboard._cells(board)
    place = next(i for i, name in enumerate(head) if name.startswith("curve to"))
    assert all(re.fullmatch(r"\d+\.\d!?", row[place]) for row in rows)
