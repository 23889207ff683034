"""What of two runs is not comparable, and why."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from datasets.labels import LabelSet
from evaluation.comparing.change_table import summary
from evaluation.comparing.changes import compare_runs
from evaluation.figures import corruption as corruption_figures
from evaluation.figures import score_run
from evaluation.results.run import FinishedRun
from tests.evaluation.comparing.edits import (
    config,
    crash,
    data,
    figures_of,
    narrow,
    other_steps,
    rename,
    without,
)


def version(number: int) -> Callable[[dict], None]:
    return lambda manifest: manifest.update(code_version=number)


@pytest.mark.parametrize(
    ("manifest", "note", "left"),
    [
        (data(split="PrivateTest"), "toy PrivateTest instead of toy PublicTest: nothing", set()),
        (rename, "tiny.fer: different weights, ffffffff instead of", {"none", "pgd", "worst_case"}),
        (config(labels=["fer"]), "is scored under ferplus labels", {"none", "pgd", "worst_case"}),
        (config(eps=["0.02"]), "different eps grid: only one run has 0.1; ", {"none", "pgd"}),
        (config(eps=["0.1"]), "nor are robust accuracies from 0.02 on, which", {"none"}),
        (other_steps, "pgd: only in one run, or with different settings", {"none", "fgsm"}),
        (narrow, "pgd: only in one run, or with different settings", {"none", "fgsm"}),
        (config(seed=3), "different seed, 3 instead of 0", {"none", "pgd", "worst_case"}),
        (version(5), "different version of the attacks, 5 instead of", {"none", "worst_case"}),
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
    assert "attacks in l2 instead of linf: robust accuracies are not comparable" in changes.notes[0]
    assert set(changes.table.perturbation) == {"none", "gaussian_noise", "corruptions"}


@pytest.mark.parametrize(("grid", "compared"), [(["0.1"], set()), (["0.02"], {0.02})])
def test_robust_accuracies_are_compared_up_to_where_the_grids_differ(
    grid: list[str], compared: set[float], first: Path, make: Callable[..., FinishedRun]
) -> None:
    """At 0.1 the attacks of the first run had a second try: what they broke at 0.02 counts."""
    runs = [FinishedRun(first), make("other", manifest=config(eps=grid))]
    for pair in (runs, runs[::-1]):
        table = compare_runs(pair).table
        assert set(table.eps[table.norm != ""]) == compared


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

    drop = without("pgd", "tiny.fer", "fer")
    black = make("black", lambda frame: without("pgd", "tiny.fer", "ferplus")(drop(frame)), blind)
    changes = compare_runs([FinishedRun(first), black])
    (note,) = changes.notes
    assert "pgd was possible in only one run" in note
    assert note.endswith("for tiny.fer under fer labels, tiny.fer under ferplus labels")
    assert not {("worst_case", "robust_accuracy")} & figures_of(changes.table, "tiny.fer", "fer")
    # in neither run: the same attacks are left, so their worst cases are comparable
    changes = compare_runs([black, black])
    assert changes.notes == []
    assert ("worst_case", "robust_accuracy") in figures_of(changes.table, "tiny.fer", "fer")


def test_images_made_on_other_weights_are_another_attack(make: Callable[..., FinishedRun]) -> None:
    def blind(manifest: dict) -> None:
        manifest["models"]["tiny.fer"]["black_box"] = True
        for entry in manifest["perturbations"]:
            if entry["model"] == "tiny.fer" and entry["perturbation"] == "pgd":
                entry["sources"] = ["tiny.ferplus"]

    def retrained(manifest: dict) -> None:
        blind(manifest)
        manifest["models"]["tiny.ferplus"]["weights_sha256"] = "f" * 64

    base, same, other = make("base", manifest=blind), make("same", manifest=blind), retrained
    changes = compare_runs([base, same])
    (note,) = changes.notes
    assert note.endswith("tiny.fer gives no gradients: its robust accuracies are upper bounds")
    assert ("pgd", "robust_accuracy") in figures_of(changes.table, "tiny.fer", "fer")
    changes = compare_runs([base, make("other", manifest=other)])
    assert "other surrogates or other weights of them: neither it" in changes.notes[-1]
    hit = {name for name, _ in figures_of(changes.table, "tiny.fer", "fer")}
    assert not hit & {"pgd", "worst_case"} and "fgsm" in hit


@pytest.mark.parametrize("retrained", [False, True])
def test_surrogates_that_a_run_did_not_measure_are_known_by_their_weights(
    retrained: bool, make: Callable[..., FinishedRun]
) -> None:
    def starter(weights: str) -> Callable[[dict], None]:
        def edit(manifest: dict) -> None:
            manifest["models"]["tiny.fer"]["black_box"] = True
            for entry in manifest["perturbations"]:
                if entry["model"] == "tiny.fer" and entry["perturbation"] == "pgd":
                    entry |= {"sources": ["simple_cnn.fer"], "sources_sha256": [weights * 64]}

        return edit

    after = starter("b" if retrained else "a")
    changes = compare_runs([make("base", manifest=starter("a")), make("new", manifest=after)])
    hit = {name for name, _ in figures_of(changes.table, "tiny.fer", "fer")}
    assert {"pgd", "worst_case"} & hit == (set() if retrained else {"pgd", "worst_case"})


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
    assert changes.notes == [f"{gone.folder}: tiny.fer made no predictions in {gone.folder}"]
    assert set(changes.table.model) == {"tiny.ferplus"}


CORRUPTED = ("corruptions", "mean_corruption_accuracy"), ("corruptions", "mce")
ONE_TYPE = ("gaussian_noise", "mean_corruption_accuracy")
AREA = ("worst_case", "security_curve_area")


@pytest.mark.parametrize(
    ("manifest", "note", "lost"),
    [
        (lambda _: None, "", set()),
        (
            config(severities=[1]),
            "different severities of corruptions, 1 instead of 5",
            {*CORRUPTED, ONE_TYPE},
        ),
        (
            config(corruptions=["gaussian_noise", "fog"]),
            "different corruptions: only one run has fog",
            {*CORRUPTED},
        ),
        (config(eps=["0.05", "0.1"]), "different eps grid: only one run has 0.02, 0.05", {AREA}),
        (config(eps=["0", "0.02", "0.1"]), "different eps grid: only one run has 0", set()),
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
    weights = FinishedRun(first).manifest["models"]["tiny.ferplus"]["weights_sha256"]
    shipped = {weights: "tiny.ferplus"}
    monkeypatch.setattr(score_run, "shipped_id", lambda weights: shipped.get(weights, ""))
    before, after = make("before"), make("other", manifest=manifest)
    changes = compare_runs([before, after])
    assert any(note in line for line in changes.notes) if note else not changes.notes
    found = figures_of(changes.table, "tiny.fer", "fer")
    assert {*CORRUPTED, ONE_TYPE, AREA} - found == lost
    assert ("gaussian_noise", "accuracy") in found


def test_a_model_in_one_run_only(first: Path, make: Callable[..., FinishedRun]) -> None:
    def drop(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows.model != "tiny.fer"]

    def forget(manifest: dict) -> None:
        del manifest["models"]["tiny.fer"]

    changes = compare_runs([FinishedRun(first), make("fewer", drop, forget)])
    assert set(changes.table.model) == {"tiny.ferplus"}
    assert any("tiny.fer is only in" in note for note in changes.notes)


def test_nested_runs_are_compared_on_the_faces_both_hold(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    def half(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows.row < 120]

    half_run = make("half", half, data(sha256="0" * 64, rows=20))
    changes = compare_runs([FinishedRun(first), half_run])
    assert any("only the 20 faces" in note for note in changes.notes)
    assert (changes.table.difference == 0).all()
    assert changes.table.n.max() == 20
    assert set(changes.table.metric) == {"accuracy", "robust_accuracy"}


@pytest.mark.parametrize(("others", "left"), [(10, 30), (40, 0)])
def test_faces_with_other_pixels_are_not_compared(
    others: int, left: int, first: Path, make: Callable[..., FinishedRun]
) -> None:
    """Row numbers and labels agree, as they may where a csv of the same name was made anew."""

    def redrawn(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame.row < 100 + others, "pixels"] += 1
        return frame

    other = make("redrawn", redrawn, data(sha256="1" * 64))
    changes = compare_runs([FinishedRun(first), other])
    (note,) = [note for note in changes.notes if "different data" in note]
    assert f"only the {left} faces with row numbers in both are compared, and {others}" in note
    assert max(changes.table.n, default=0) == left
    unknown = make("older", lambda frame: frame.assign(pixels=pd.NA), data(sha256="1" * 64))
    assert compare_runs([FinishedRun(first), unknown]).table.n.max() == 40


def test_other_labels_are_not_compared(first: Path, make: Callable[..., FinishedRun]) -> None:
    def relabel(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[rows.row == 107, "ferplus"] = (rows.loc[rows.row == 107, "ferplus"] + 1) % 7
        return rows

    changes = compare_runs([FinishedRun(first), make("relabelled", relabel)])
    assert any("ferplus labels of 1 faces differ" in note for note in changes.notes)
    assert set(changes.table.label_set) == {"fer"}
