"""Each model is said to be attacked by what ran on it, and a mixed worst case says so."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, robust_accuracy
from reports.markdown import render_markdown
from reports.paper.printed import printed_boards
from reports.sections.attacks_run import attack_sentences, mixed_note
from reports.sections.calibration import calibration_charts
from reports.sections.classes import confusion_charts, flow_charts
from reports.sections.curves import curve_charts, scatter_chart
from reports.sections.label_noise import label_noise_charts
from reports.sections.label_sets import label_set_chart
from reports.sections.leaderboard import leaderboard, reading_sentence
from reports.sections.threat_model import threat_model
from reports.sections.verdict import verdicts
from reports.words.attacks import attack_title
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)
SLOW = "Square, at 4/255 only and on 100 of 400 faces"


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:3], corruptions=(), examples=0)
    folder: Path = tmp_path_factory.mktemp("run")
    return FinishedRun(write_run(folder, wishes))


@pytest.fixture(scope="module")
def run(even: FinishedRun) -> FinishedRun:
    """The run where Square attacked 100 faces of the first model at 4/255 and left 2 of them."""
    worst = robust_accuracy(even.results, "fer", "linf")
    at = worst[(worst["model"] == FOUR[0]) & np.isclose(worst["eps"], 4 / 255)]
    few = at.assign(n=100, value=0.02, ci_low=0.0024, ci_high=0.0704)
    added = [few.assign(perturbation="square"), few.assign(subset="every_attack")]
    return replace(even, results=pd.concat([even.results, *added], ignore_index=True))


def test_attacks_are_named_for_the_models_they_ran_on(run: FinishedRun, even: FinishedRun) -> None:
    assert attack_sentences(even, even.models, "linf") == ["Attacks: FGSM and PGD."]
    told = [
        f"Attacks on {FOUR[0]}: FGSM and PGD; {SLOW}.",
        f"Attacks on {FOUR[1]} and {FOUR[2]}: FGSM and PGD.",
    ]
    assert attack_sentences(run, run.models, "linf") == told
    threats = threat_model(run, TOP)
    assert {
        f"Under FER labels, a{told[0][1:]}",
        f"Under FER labels, a{told[1][1:]}",
        "Under FER+ labels, attacks: FGSM and PGD.",
    } <= set(threats)
    assert "Attacks: FGSM and PGD." in threat_model(even, TOP)  # the same under both
    moved = run.results.assign(source=run.results["source"].replace(FOUR[2], "a,b"))
    of_third = attack_sentences(replace(run, results=moved), [FOUR[2]], "linf")
    assert of_third == ["Attacks: FGSM (made on a and b) and PGD (made on a and b)."]
    fer, ferplus = curve_charts(run)
    assert SLOW in fer.caption and "Square" not in ferplus.caption
    assert ferplus.caption.endswith("Attacks: FGSM and PGD.")
    assert "n\u00a0=\u00a0400 faces" in fer.caption  # of what is drawn, not of every attack
    assert "Lines break at 4/255, where attacks join" in fer.caption


def test_a_mixed_worst_case_says_so(run: FinishedRun, even: FinishedRun) -> None:
    first = next(one for one in verdicts(run, TOP) if one.model == FOUR[0])
    assert "On the 100 faces that every attack saw, 2\u202f% are (<1\u20137)." in first.sentence
    assert not any("every attack saw" in one.sentence for one in verdicts(even, TOP))
    board = leaderboard(run, TOP)
    place = board.head.index("Worst case 4/255")
    notes = {row[0]: row[2][place].note for row in board.rows}
    assert notes == {FOUR[0]: "2\u202f% (<1\u20137) on 100 faces", FOUR[1]: "", FOUR[2]: ""}
    assert "mixes faces that met different attacks" in reading_sentence(run, TOP)
    assert reading_sentence(even, TOP) == ""
    assert "; 2\u202f% (<1\u20137) on 100 faces)" in render_markdown(run)


def test_a_run_of_one_eps_keeps_the_figure_on_the_faces_that_every_attack_saw(
    run: FinishedRun,
) -> None:
    results = run.results
    one = replace(run, results=results[results["eps"].isna() | results["eps"].isin([0, 4 / 255])])
    board = leaderboard(one, TOP)
    assert [title for title in board.head if "Worst" in title] == ["Worst case 4/255"]
    cells = {row[0]: row[2][board.head.index("Worst case 4/255")] for row in board.rows}
    assert cells[FOUR[0]].note == "2\u202f% (<1\u20137) on 100 faces"
    assert "is given with it" in reading_sentence(one, TOP)
    note = "; 2\u202f% (<1\u20137) on 100 faces)"
    assert note in render_markdown(one)
    assert any(note in cell for table in printed_boards(one, TOP) for cell in table.rows[0])


def test_a_worst_case_of_none_needs_no_second_figure(run: FinishedRun) -> None:
    results = run.results.copy()
    whole = (results["perturbation"] == "worst_case") & (results["subset"] == "all")
    results.loc[whole & (results["metric"] == "robust_accuracy"), "value"] = 0.0
    none = replace(run, results=results)
    assert not any("every attack saw" in one.sentence for one in verdicts(none, TOP))


def test_captions_of_the_worst_case_say_that_it_is_mixed(
    run: FinishedRun, even: FinishedRun
) -> None:
    words = "not every attack saw every face"
    assert mixed_note(run, [FOUR[0]], "linf").startswith(" In the worst case not every attack")
    assert f"In the worst case of {FOUR[0]} {words}" in mixed_note(run, run.models, "linf")
    assert mixed_note(even, even.models, "linf") == ""
    for of_models in (confusion_charts, flow_charts, calibration_charts):
        told = [words in chart.caption for chart in of_models(run, TOP)]
        assert told == [True, False, False]
    whole = [label_set_chart(run, TOP), scatter_chart(run, TOP), *label_noise_charts(run, TOP)]
    assert len(whole) == 6
    assert all(chart is not None and words in chart.caption for chart in whole)


def test_no_title_has_a_comma_of_its_own(even: FinishedRun) -> None:
    entry = {"perturbation": "pgd_eyes", "title": "PGD, eyes only"}  # of an older run
    manifest = even.manifest | {"perturbations": [entry]}
    assert attack_title(manifest, "pgd_eyes") == "PGD (eyes only)"
    assert attack_title(manifest, "pgd_mouth") == "PGD (mouth only)"


def test_an_eps_below_one_step_is_for_float_images(even: FinishedRun) -> None:
    worst = robust_accuracy(even.results, "fer", "linf")
    half = worst[np.isclose(worst["eps"], 1 / 255)].assign(eps=0.5 / 255)
    finer = replace(even, results=pd.concat([even.results, half]))
    assert reading_sentence(finer, TOP).startswith("0.5/255 is an eps for float images only")
