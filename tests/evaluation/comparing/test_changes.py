"""Runs compared and ranked, on tiny finished runs whose answers are then changed by hand."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from datasets.labels import LabelSet
from evaluation import compare, leaderboard
from evaluation.comparing.boards import BOARD_COLUMNS, find_runs, leaderboards
from evaluation.comparing.change_table import summary, write_changes
from evaluation.comparing.changes import CHANGE_COLUMNS, compare_runs
from evaluation.figures import corruption as corruption_figures
from evaluation.figures.write import rescore
from evaluation.results.files import write_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import PER_IMAGE_COLUMNS, RESULT_COLUMNS
from evaluation.statistics.paired import holm
from tests.evaluation import tiny


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tiny.config(corruptions=("gaussian_noise",), severities=(5,))
    return tiny.write_run(tmp_path_factory.mktemp("runs") / "first", config)


@pytest.fixture
def make(first: Path, tmp_path: Path) -> Callable[..., FinishedRun]:
    """Copies the run under a name, changes its lines and manifest, and scores it again."""

    def made(
        name: str,
        lines: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
        manifest: Callable[[dict], None] = lambda _: None,
    ) -> FinishedRun:
        folder = tmp_path / name
        shutil.copytree(first, folder, ignore=shutil.ignore_patterns("sets"))
        frame = lines(pd.read_parquet(folder / "per_image.parquet"))
        write_table(frame, PER_IMAGE_COLUMNS, folder / "per_image.parquet")
        entries = json.loads((folder / "manifest.json").read_text())
        manifest(entries)
        (folder / "manifest.json").write_text(json.dumps(entries))
        run = FinishedRun(folder)
        rescore(run)
        return FinishedRun(folder)

    return made


def pick(table: pd.DataFrame, **columns: object) -> pd.Series:
    for name, value in columns.items():
        table = table[table[name] == value]
    assert len(table) == 1, table
    return table.iloc[0]


def spoil(lines: pd.DataFrame) -> pd.DataFrame:
    """The model misreads the first ten faces that it had right, clean."""
    clean = (lines.model == "tiny.fer") & (lines.perturbation == "none")
    right = lines.index[clean & (lines.prediction == lines.fer)][:10]
    lines.loc[right, "prediction"] = (lines.loc[right, "prediction"] + 1) % 7
    return lines


def test_the_same_run_did_not_change(first: Path) -> None:
    changes = compare_runs([FinishedRun(first), FinishedRun(first)])
    assert changes.notes == []
    assert list(changes.table.columns) == list(CHANGE_COLUMNS)
    assert (changes.table.difference == 0).all()
    assert not changes.table.changed.fillna(False).any()
    tested = changes.table[changes.table.p_value.notna()]
    # two models, two label sets: clean, one corruption, noise, fgsm, pgd and worst case at two eps
    assert len(tested) == 2 * 2 * (2 + 4 * 2)
    assert (tested.p_value == 1).all()


def test_ten_faces_lost(first: Path, make: Callable[..., FinishedRun]) -> None:
    changes = compare_runs([FinishedRun(first), make("spoilt", spoil)])
    clean = {"model": "tiny.fer", "label_set": "fer", "perturbation": "none"}
    row = pick(changes.table, metric="accuracy", **clean)
    assert (row.before, row.after, row.n) == (32 / 40, 22 / 40, 40)
    assert row.difference == pytest.approx(-10 / 40)
    assert row.ci_low < row.difference < row.ci_high < 0
    assert row.p_value == pytest.approx(2 * 0.5**10)
    tested = changes.table[changes.table.p_value.notna()]
    np.testing.assert_allclose(tested.p_holm, holm(tested.p_value.to_numpy()))
    other = pick(changes.table, metric="accuracy", **{**clean, "model": "tiny.ferplus"})
    assert other.difference == 0
    f1 = pick(changes.table, metric="macro_f1", **clean)
    assert f1.difference < 0
    assert np.isnan(f1.p_value)
    assert pd.isna(f1.changed)


def test_many_faces_lost_is_told_from_chance(first: Path, make: Callable[..., FinishedRun]) -> None:
    def lose(lines: pd.DataFrame) -> pd.DataFrame:
        lines.loc[(lines.model == "tiny.fer") & (lines.perturbation == "none"), "prediction"] = 6
        return lines

    changes = compare_runs([FinishedRun(first), make("lost", lose)])
    row = pick(
        changes.table, model="tiny.fer", label_set="fer", perturbation="none", metric="accuracy"
    )
    assert row.changed
    assert "*" in summary(changes)


def data(**changes: object) -> Callable[[dict], None]:
    return lambda manifest: manifest["data"].update(changes)


def config(**changes: object) -> Callable[[dict], None]:
    return lambda manifest: manifest["config"].update(changes)


def rename(manifest: dict) -> None:
    manifest["models"]["tiny.fer"]["weights_sha256"] = "f" * 64


def other_steps(manifest: dict) -> None:
    manifest["config"]["attacks"][-1]["steps"] = 50


def narrow(manifest: dict) -> None:
    manifest["config"]["attacks"][-1]["headline_only"] = ["linf"]


@pytest.mark.parametrize(
    ("manifest", "note", "left"),
    [
        (data(split="PrivateTest"), "toy PrivateTest against toy PublicTest: nothing", set()),
        (rename, "tiny.fer: other weights, ffffffff against", {"none", "pgd", "worst_case"}),
        (config(labels=["fer"]), "ferplus labels score only", {"none", "pgd", "worst_case"}),
        (config(eps=["0.1"]), "other eps grid: 0.02 stand in one run only", {"none", "pgd"}),
        (other_steps, "pgd: only in one run, or with other settings", {"none", "fgsm"}),
        (narrow, "pgd: only in one run, or with other settings", {"none", "fgsm"}),
        (config(seed=3), "other seed, 3 against 0", {"none", "pgd", "worst_case"}),
    ],
)
def test_what_is_not_comparable_is_said(
    manifest: Callable[[dict], None],
    note: str,
    left: set[str],
    first: Path,
    make: Callable[..., FinishedRun],
) -> None:
    changes = compare_runs([FinishedRun(first), make("other", manifest=manifest)])
    assert any(note in line for line in changes.notes), changes.notes
    found = set(changes.table.perturbation)
    assert left <= found
    if manifest in (other_steps, narrow):
        assert not found & {"pgd", "worst_case"}
    if not left:
        assert changes.table.empty
        assert "Nothing compared" in summary(changes)


def test_other_norm_leaves_only_what_is_not_attacked(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    changes = compare_runs([FinishedRun(first), make("l2", manifest=config(norm="l2"))])
    assert "attacks in l2 against linf: robust accuracies are not comparable" in changes.notes[0]
    assert set(changes.table.perturbation) == {"none", "gaussian_noise", "corruptions"}


def without(name: str, model: str, labels: str = "") -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Drops the lines of a set that crashed."""

    def drop(lines: pd.DataFrame) -> pd.DataFrame:
        lost = (lines.model == model) & (lines.perturbation == name)
        return lines[~(lost & (lines.attacked_labels == labels))]

    return drop


def crash(name: str, model: str, labels: str = "", **changes: object) -> Callable[[dict], None]:
    def fail(manifest: dict) -> None:
        entry = {"perturbation": name, "norm": "", "grid": [0.02, 0.1], "options": {}}
        found = {"model": model, "attacked_labels": labels, "status": "error", "message": "boom"}
        manifest["perturbations"].append(entry | found | changes)

    return fail


def figures_of(table: pd.DataFrame, model: str, label_set: str) -> set[tuple[str, str]]:
    rows = table[(table.model == model) & (table.label_set == label_set)]
    return set(zip(rows.perturbation, rows.metric, strict=True))


@pytest.mark.parametrize("crashed_first", [False, True])
def test_a_crashed_attack_is_no_gain(
    crashed_first: bool, first: Path, make: Callable[..., FinishedRun]
) -> None:
    dead = make("dead", without("pgd", "tiny.fer", "fer"), crash("pgd", "tiny.fer", "fer"))
    runs = [dead, FinishedRun(first)] if crashed_first else [FinishedRun(first), dead]
    changes = compare_runs(runs)
    (note,) = changes.notes
    assert f"pgd failed in {dead.folder}: neither it nor the worst case is comparable for" in note
    assert note.endswith(" tiny.fer under fer labels")
    hit = {name for name, _ in figures_of(changes.table, "tiny.fer", "fer")}
    assert not hit & {"pgd", "worst_case"}
    assert {"none", "noise", "fgsm", "gaussian_noise"} <= hit
    for other in (("tiny.fer", "ferplus"), ("tiny.ferplus", "fer")):
        assert {"pgd", "worst_case"} <= {name for name, _ in figures_of(changes.table, *other)}
    assert (changes.table.difference == 0).all()


def test_an_attack_that_was_possible_in_one_run_only(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    def blind(manifest: dict) -> None:
        for entry in manifest["perturbations"]:
            if entry["model"] == "tiny.fer" and entry["perturbation"] == "pgd":
                entry["status"] = "not applicable"

    lines = without("pgd", "tiny.fer", "fer")
    black = make("black", lambda frame: without("pgd", "tiny.fer", "ferplus")(lines(frame)), blind)
    changes = compare_runs([FinishedRun(first), black])
    (note,) = changes.notes
    assert "pgd was possible in one run only" in note
    assert note.endswith("for tiny.fer under fer labels, tiny.fer under ferplus labels")
    assert not {("worst_case", "robust_accuracy")} & figures_of(changes.table, "tiny.fer", "fer")
    # in neither run: the same attacks are left, so their worst cases are comparable
    changes = compare_runs([black, black])
    assert changes.notes == []
    assert ("worst_case", "robust_accuracy") in figures_of(changes.table, "tiny.fer", "fer")


def test_a_crashed_corruption_and_a_silent_model(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    name = "gaussian_noise"
    dead = make("dead", without(name, "tiny.fer"), crash(name, "tiny.fer"))
    changes = compare_runs([FinishedRun(first), dead])
    (note,) = changes.notes
    assert note.endswith("neither it nor the mean over corruptions is comparable for tiny.fer")
    mean = ("corruptions", "mean_corruption_accuracy")
    assert mean not in figures_of(changes.table, "tiny.fer", "fer")
    assert mean in figures_of(changes.table, "tiny.ferplus", "fer")
    gone = make("gone", lambda frame: frame[frame.model != "tiny.fer"], crash("none", "tiny.fer"))
    changes = compare_runs([FinishedRun(first), gone])
    assert changes.notes == [f"{gone.folder}: tiny.fer gave no answers in {gone.folder}"]
    assert set(changes.table.model) == {"tiny.ferplus"}


def test_a_flag_in_either_run_is_shown(first: Path, make: Callable[..., FinishedRun]) -> None:
    flagged = make("flagged")
    results = flagged.results
    hit = (results.model == "tiny.fer") & (results.perturbation == "worst_case")
    results.loc[hit & (results.eps == 0.1), "status"] = "flagged"
    write_table(results, RESULT_COLUMNS, flagged.folder / "results.parquet")
    for runs in ([first, flagged.folder], [flagged.folder, first]):
        changes = compare_runs([FinishedRun(folder) for folder in runs])
        bad = changes.table[changes.table.status != "ok"]
        assert set(bad.status) == {"flagged"}
        assert set(bad.model) == {"tiny.fer"}
        assert set(bad.perturbation) == {"worst_case"}
        assert set(bad.eps) == {0.1}
        assert {"robust_accuracy", "security_curve_area", "ece"} <= set(bad.metric)
        lines = [line for line in summary(changes).splitlines() if "linf 0.1" in line]
        assert ["!" in line for line in lines] == [("tiny.fer " in line) for line in lines]


CORRUPTED = ("corruptions", "mean_corruption_accuracy"), ("corruptions", "mce")
ONE_TYPE = ("gaussian_noise", "mean_corruption_accuracy")
AREA = ("worst_case", "security_curve_area")


@pytest.mark.parametrize(
    ("manifest", "note", "lost"),
    [
        (lambda _: None, "", set()),
        (
            config(severities=[1]),
            "other severities of corruptions, 1 against 5",
            {*CORRUPTED, ONE_TYPE},
        ),
        (
            config(corruptions=["gaussian_noise", "fog"]),
            "other corruptions: fog stand",
            {*CORRUPTED},
        ),
        (config(eps=["0.05", "0.1"]), "other eps grid: 0.02, 0.05 stand", {AREA}),
        (config(eps=["0", "0.02", "0.1"]), "other eps grid: 0 stand", set()),
        (crash("gaussian_noise", "tiny.ferplus"), "tiny.ferplus and every mCE", {CORRUPTED[1]}),
        (crash("gaussian_noise", ""), "is comparable for all models", {*CORRUPTED}),
        (
            lambda manifest: manifest["models"]["tiny.ferplus"].update(weights_sha256="f" * 64),
            "so mCE, relative to it, is not comparable",
            {CORRUPTED[1]},
        ),
    ],
)
def test_means_over_other_things_are_not_compared(
    manifest: Callable[[dict], None],
    note: str,
    lost: set[tuple[str, str]],
    first: Path,
    make: Callable[..., FinishedRun],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(corruption_figures.BASELINES, LabelSet.FER, "tiny.ferplus")
    before, after = make("before"), make("other", manifest=manifest)
    changes = compare_runs([before, after])
    assert any(note in line for line in changes.notes) if note else not changes.notes
    found = figures_of(changes.table, "tiny.fer", "fer")
    assert {*CORRUPTED, ONE_TYPE, AREA} - found == lost
    assert ("gaussian_noise", "accuracy") in found


def test_a_model_in_one_run_only(first: Path, make: Callable[..., FinishedRun]) -> None:
    def drop(lines: pd.DataFrame) -> pd.DataFrame:
        return lines[lines.model != "tiny.fer"]

    def forget(manifest: dict) -> None:
        del manifest["models"]["tiny.fer"]

    changes = compare_runs([FinishedRun(first), make("fewer", drop, forget)])
    assert set(changes.table.model) == {"tiny.ferplus"}
    assert any("tiny.fer is only in" in note for note in changes.notes)


def test_nested_runs_are_compared_on_the_faces_both_hold(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    def half(lines: pd.DataFrame) -> pd.DataFrame:
        return lines[lines.row < 120]

    half_run = make("half", half, data(sha256="0" * 64, rows=20))
    changes = compare_runs([FinishedRun(first), half_run])
    assert any("only the 20 faces" in note for note in changes.notes)
    assert (changes.table.difference == 0).all()
    assert changes.table.n.max() == 20
    assert set(changes.table.metric) == {"accuracy", "robust_accuracy"}


def test_other_labels_are_not_compared(first: Path, make: Callable[..., FinishedRun]) -> None:
    def relabel(lines: pd.DataFrame) -> pd.DataFrame:
        lines.loc[lines.row == 107, "ferplus"] = (lines.loc[lines.row == 107, "ferplus"] + 1) % 7
        return lines

    changes = compare_runs([FinishedRun(first), make("relabelled", relabel)])
    assert any("ferplus labels of 1 faces differ" in note for note in changes.notes)
    assert set(changes.table.label_set) == {"fer"}


def test_files_and_the_command(
    first: Path,
    make: Callable[..., FinishedRun],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoilt = make("spoilt", spoil).folder
    table = tmp_path / "changes.csv"
    compare.main([first, spoilt], table)
    printed = capsys.readouterr().out
    assert "tiny.fer" in printed
    assert "-25.0" in printed
    written = pd.read_csv(table)
    assert list(written.columns) == list(CHANGE_COLUMNS)
    changes = compare_runs([FinishedRun(first), FinishedRun(spoilt)])
    assert len(written) == len(changes.table)
    write_changes(changes, tmp_path / "changes.md")
    lines = (tmp_path / "changes.md").read_text().splitlines()
    assert lines[0].startswith("| run | model | labels |")
    assert len(lines) == 2 + len(changes.table)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "a"], "compare at least two runs"),
        (["compare", "/nowhere/a", "/nowhere/b"], "/nowhere/a/manifest.json"),
        (["compare", "a", "b", "--out", "x.txt"], "--out must end in .csv or .md"),
        (["leaderboard", "/nowhere"], "expected folders of finished runs, found none"),
        (["leaderboard", ".", "--out", "x.txt"], "--out must end in .csv or .md"),
        (["compare", "a", "b", "--out", "/nowhere/x.csv"], "--out must lie in an existing folder"),
        (["leaderboard", ".", "--out", "/nowhere/x.csv"], "--out must lie in an existing folder"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = {"compare": compare, "leaderboard": leaderboard}[arguments[0]]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        command.run(command.main, prog="python")
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert words in error


def test_a_folder_of_attacked_images_is_no_run(first: Path) -> None:
    attacked = next((first / "sets").glob("*pgd*"))
    with pytest.raises(InputError, match=r"expected the manifest of a run, found at started: "):
        compare_runs([FinishedRun(first), FinishedRun(attacked)])


def test_models_of_several_runs_are_ranked_together(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    def better(lines: pd.DataFrame) -> pd.DataFrame:
        attacked = (lines.model == "tiny.fer") & (lines.attacked_labels != "")
        lines.loc[attacked, "smallest_eps"] = np.nan
        clean = (lines.model == "tiny.fer") & (lines.perturbation == "none")
        lines.loc[clean, "prediction"] = lines.loc[clean, "fer"]
        return lines

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
        for entry in manifest["perturbations"]:
            if entry["model"] == "tiny.fer" and entry["perturbation"] == "pgd":
                entry |= {"status": status, "message": "boom"}

    lines = without("pgd", "tiny.fer", "fer")
    part = make("part", lambda frame: without("pgd", "tiny.fer", "ferplus")(lines(frame)), lacking)
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
    for name in ("cut", "mixed"):
        shutil.copytree(again.folder, tmp_path / name)
    (tmp_path / "cut" / "per_image.parquet").write_bytes(b"PAR1")
    results = again.results[again.results.model != "tiny.fer"]
    write_table(results, RESULT_COLUMNS, tmp_path / "mixed" / "results.parquet")
    runs, notes = find_runs(tmp_path)
    assert [run.folder.name for run in runs] == ["again"]
    assert [note.startswith("left out: ") for note in notes] == [True] * 3
    assert "per_image.parquet: expected a whole parquet file" in notes[1]
    assert "expected the accuracy of tiny.fer in results.parquet, found none" in notes[2]
    for name in ("board.md", "board.csv"):
        leaderboard.main(tmp_path, tmp_path / name)
    printed = capsys.readouterr()
    assert "worst case linf" in printed.out
    assert "left out" in printed.err
    assert "| rank | model | run |" in (tmp_path / "board.md").read_text()
    assert list(pd.read_csv(tmp_path / "board.csv").columns) == list(BOARD_COLUMNS)


def test_a_folder_without_a_run_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="none that can be read"):
        find_runs(tmp_path)
