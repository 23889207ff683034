"""Sentences of the page that must hold for every run: of what a share is, which faces count."""

import re
from pathlib import Path

import numpy as np
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.page import TEMPLATES
from reports.sections.attack_matrices import attack_matrix_charts
from reports.sections.calibration import calibration_charts
from reports.sections.classes import ENOUGH_FACES, confusion_charts, flow_charts
from reports.sections.corruptions import corruption_charts, corruption_note
from reports.sections.curves import scatter_chart
from reports.sections.label_noise import label_noise_charts
from reports.sections.label_sets import label_set_chart
from reports.sections.manifest import facts
from reports.sections.method import power_sentences
from reports.sections.reliability import reliability
from reports.sections.threat_model import threat_model
from reports.sections.verdict import verdicts
from reports.table import Table
from reports.words.glossary import FERPLUS_RULE, GLOSSARY
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder: Path = tmp_path_factory.mktemp("run")
    return FinishedRun(
        write_run(folder, Wishes(models=FOUR[:3], corruptions=("jpeg",), examples=0))
    )


def with_counts(run: FinishedRun, metric: str, n: dict[str, int]) -> FinishedRun:
    """The run where some figures of a model are over `n` images of a class."""
    results = run.results.copy()
    for subset, number in n.items():
        results.loc[(results.metric == metric) & (results.subset == subset), "n"] = number
    return replace(run, results=results)


def test_a_title_names_the_share_of_a_label_and_the_labels_it_leaves_out(run: FinishedRun) -> None:
    few = ENOUGH_FACES - 1
    classes = [f"class:{name}" for name in ("angry", "fear", "happy", "sad", "surprise", "neutral")]
    large = dict.fromkeys(classes, 50)
    all_large = with_counts(run, "confusion", large | {"class:disgust": ENOUGH_FACES})
    title = confusion_charts(all_large, TOP)[0].title
    assert "of clean faces labelled" in title and title.endswith("its highest rate of confusion")
    one_small = with_counts(run, "confusion", large | {"class:disgust": few})
    title = confusion_charts(one_small, TOP)[0].title
    assert title.endswith("among labels with at least 20 faces")


def test_a_robust_share_says_of_what(run: FinishedRun) -> None:
    title = flow_charts(run, Headline("linf", 1 / 255))[0].title
    assert f"of the faces that {FOUR[0]} classifies correctly when clean are robust" in title
    results = run.results.copy()
    results.loc[(results.model == FOUR[0]) & (results.perturbation == "fgsm"), "status"] = (
        "not applicable"
    )
    bounded = flow_charts(replace(run, results=results), Headline("linf", 1 / 255))[0].title
    assert bounded.startswith("At 1/255, at most ") and "at most" not in title


def test_a_range_of_faces_is_a_range(run: FinishedRun) -> None:
    results = run.results.copy()
    first = (results.metric == "expected_agreement") & (results.model == FOUR[0])
    results.loc[first, "n"] = 350
    mixed = replace(run, results=results)
    chart = label_noise_charts(mixed, TOP)[-1]
    assert chart.title.startswith("On 350 to 360 clean faces a model agrees")
    assert "a model without contempt has fewer of them" in chart.caption
    part = (results.metric == "smallest_difference") & (results.model == FOUR[0])
    results.loc[part & (results.label_set == "fer"), "n"] = 390
    sentence = power_sentences(replace(run, results=results), TOP)[0]
    assert "(n\u00a0=\u00a0390 to 400 faces)" in sentence


def test_the_rule_of_ferplus_is_told_in_full(run: FinishedRun) -> None:
    assert "more than half" in FERPLUS_RULE and "single votes are dropped" in FERPLUS_RULE
    assert FERPLUS_RULE in dict(GLOSSARY)["FER+"]
    chart = label_set_chart(run, TOP)
    assert chart is not None and f"FER+ labels ({FERPLUS_RULE})" in chart.caption
    without = replace(run, per_image=run.per_image.assign(votes=None))
    chart = label_set_chart(without, TOP)
    assert chart is not None and "votes" not in chart.caption


def test_the_calibration_error_is_named_debiased(run: FinishedRun) -> None:
    assert "Clean: debiased ECE 6" in calibration_charts(run, TOP)[0].caption
    page = (TEMPLATES / "report.html").read_text()
    assert "0 % means that the gaps are no larger than chance makes them" in page
    assert "it reaches further up than down if their F1 is near 0" in page


def test_the_baseline_counts_the_same_faces(run: FinishedRun) -> None:
    assert "on the faces that both are scored on" in corruption_note(run)


def test_figures_under_two_label_sets_are_not_compared(run: FinishedRun) -> None:
    chart = scatter_chart(run, Headline("linf", 1 / 255))
    assert chart is not None and chart.title.startswith("Highest robust accuracy at 1/255: ")
    fer, ferplus = chart.title.split(" and ")
    assert fer.endswith(" under FER labels (mini_xception.fer)")
    assert ferplus.endswith(" under FER+ labels (simple_cnn.ferplus)")
    chart = scatter_chart(run, TOP)
    assert chart is not None and chart.title.startswith("No robust accuracy at 4/255 above ")


def broken(run: FinishedRun, models: tuple[str, ...] = FOUR) -> FinishedRun:
    """The run where no face of some models is robust at the headline."""
    results = run.results.copy()
    here = results.model.isin(models) & (results.metric == "robust_accuracy")
    there = here & np.isclose(results.eps, TOP.eps)
    results.loc[there, ["value", "ci_low", "ci_high"]] = [0.0, 0.0, 0.01]
    return replace(run, results=results)


def set_title(run: FinishedRun) -> str:
    chart = label_set_chart(run, TOP)
    assert chart is not None
    return chart.title


def test_titles_say_nothing_is_robust_in_plain_words(run: FinishedRun) -> None:
    chart = scatter_chart(broken(run), TOP)
    assert chart is not None
    assert chart.title == "At 4/255 every model's robust accuracy is 0.0\u202f%"
    assert set_title(broken(run)).endswith("none are still classified correctly")
    assert "; at 4/255 at most " in set_title(run)


def test_nothing_is_less_than_a_bound_of_0(run: FinishedRun) -> None:
    """Nor does a title on all models speak of those that have no rank."""
    models = run.manifest["models"]
    black = {name: entry | {"black_box": name == FOUR[1]} for name, entry in models.items()}
    blind = replace(broken(run), manifest=run.manifest | {"models": black})
    found = {one.model: one.sentence for one in verdicts(blind, TOP)}
    assert "correctly; 0.0\u202f% are still classified correctly" in found[FOUR[1]]
    chart = scatter_chart(blind, TOP)
    assert chart is not None and chart.title == (
        "At 4/255 the robust accuracy of every model that has a rank is 0.0\u202f%"
    )


def test_an_attack_on_some_models_says_on_how_many(run: FinishedRun) -> None:
    assert " models" not in attack_matrix_charts(run, TOP)[0].title
    results = run.results
    attacked = results["perturbation"].isin(["fgsm", "pgd"])
    hidden = (results["model"] == FOUR[1]) & attacked
    title = attack_matrix_charts(replace(run, results=results[~hidden]), TOP)[0].title
    assert title.endswith("of faces classified correctly, on 1 of 2 models")


def test_attacks_on_fewer_models_or_faces_are_not_called_the_strongest(run: FinishedRun) -> None:
    assert ", PGD alone leaves" in attack_matrix_charts(run, TOP)[0].title
    results = run.results.copy()
    pgd = results["perturbation"] == "pgd"
    fewer = replace(run, results=results[~(pgd & (results["model"] == FOUR[1]))])
    assert ", FGSM alone leaves" in attack_matrix_charts(fewer, TOP)[0].title
    results.loc[pgd, "n"] -= 1
    assert (
        ", FGSM alone leaves" in attack_matrix_charts(replace(run, results=results), TOP)[0].title
    )


def test_a_column_that_is_no_percentage_is_named(run: FinishedRun) -> None:
    assert "then its mean over severities; last column: CE; " in corruption_charts(run)[0].caption


def test_the_worst_corruption_is_that_of_the_model(run: FinishedRun) -> None:
    """Not one that costs this model more than others."""
    title = corruption_charts(run)[0].title
    assert title.startswith(f"{FOUR[0]} loses most to JPEG at severity ") and "\u2192" in title


def test_the_largest_flow_is_strongest_on_any_background(run: FinishedRun) -> None:
    caption = flow_charts(run, TOP)[0].caption
    assert "strongest the largest flow of each label" in caption and "dark" not in caption


def test_only_small_changes_are_called_hard_to_see(run: FinishedRun) -> None:
    assert "which is hard to see" in " ".join(threat_model(run, TOP))
    told = " ".join(threat_model(run, Headline("linf", 16 / 255)))
    assert "more than 16 of the 255 steps" in told and "hard to see" not in told


@pytest.mark.parametrize(
    ("steps", "told"), [(0.2, "0.2"), (1.2, "1.2"), (4, "4"), (12.75, "12.75")]
)
def test_the_threat_model_says_no_smaller_eps_than_the_verdict_is_about(
    run: FinishedRun, steps: float, told: str
) -> None:
    """0.2/255 was told as 0 of the 255 steps, 1.2/255 as 1."""
    words = " ".join(threat_model(run, Headline("linf", steps / 255)))
    assert f"no pixel changes by more than {told} of the 255 steps" in words


def test_the_page_says_which_figures_have_no_interval() -> None:
    page = (TEMPLATES / "report.html").read_text()
    for kind in ("answers to faces with two labels", "ranges and medians over models in titles"):
        assert kind in page
    assert "stronger attack may make" not in page and "would make the classifier" not in page
    assert "other models" in dict(GLOSSARY)["Black box"]
    assert "L1" in next(term for term, _ in GLOSSARY if term.startswith("L\N{INFINITY}"))


def test_an_area_without_an_interval_has_no_empty_brackets(run: FinishedRun) -> None:
    results = run.results.copy()
    results.loc[results.metric == "security_curve_area", ["ci_low", "ci_high"]] = np.nan
    sentences = [one.sentence for one in verdicts(replace(run, results=results), TOP)]
    areas = [sentence for sentence in sentences if "security curve up to" in sentence]
    assert areas and not any("()" in sentence for sentence in areas)


def test_a_run_of_one_model_speaks_of_one_model(run: FinishedRun) -> None:
    alone = replace(
        run, manifest=run.manifest | {"models": {FOUR[0]: run.manifest["models"][FOUR[0]]}}
    )
    chart = label_set_chart(alone, TOP)
    strata = {one.name: one for one in label_noise_charts(alone, TOP)}["strata"]
    (sentence,) = power_sentences(alone, TOP)
    assert chart and chart.title.startswith(f"{FOUR[0]} classifies 6")
    assert strata.title.startswith(f"{FOUR[0]} classifies ")
    assert threat_model(alone, TOP)[0].startswith("The classifier labels the expression of 400")
    assert f"between {FOUR[0]} and a model on as many other faces (n" in sentence
    assert ": on clean faces, 9.3 points" in sentence and "of them" not in sentence


def test_charts_of_labels_and_classes_say_how_many_faces_they_rest_on(run: FinishedRun) -> None:
    chart, first = label_set_chart(run, TOP), confusion_charts(run, TOP)[0]
    assert chart and "n\u00a0=\u00a0360 to 400 faces" in chart.caption
    assert re.search("n\u00a0=\u00a0400 faces, [0-9]+ to [0-9]+ of each label", first.caption)


def test_charts_without_marks_say_that_their_figures_are_flagged(run: FinishedRun) -> None:
    words = "\u2691\u00a0Some of these figures failed a reliability check"
    sound = run.results.assign(status="ok")
    worst = (sound["model"] == FOUR[0]) & (sound["perturbation"] == "worst_case")
    flagged = sound.assign(status=sound["status"].mask(worst, "flagged"))
    for charts_of in (confusion_charts, flow_charts):
        first, *others = charts_of(replace(run, results=flagged), TOP)
        assert words in first.caption and not any(words in one.caption for one in others)
        assert words not in charts_of(replace(run, results=sound), TOP)[0].caption


def test_bounds_and_eps_with_intervals_are_columns_of_numbers() -> None:
    rows = [
        [
            "a",
            "\u2691 \u2264\u202f10\u202f% (6\u201317)",
            "\u2691 4/255 (2/255\u20134/255)",
            "\u221230\u2013\u22125",
        ],
        ["b", "2\u202f% (<1\u20137)", "8/255 (4/255\u20138/255)", "94\u2013>99"],
    ]
    assert Table("t", ["model", "accuracy", "size", "gap"], rows, "").numeric == [
        False,
        True,
        True,
        True,
    ]


def test_the_manifest_writes_eps_in_the_norm_of_the_run(run: FinishedRun) -> None:
    assert dict(facts(run))["Eps"] == "1/255, 2/255, 4/255 (L\u221e)"
    config = run.manifest["config"] | {"norm": "l2", "eps": ["0.25", "1"]}
    assert (
        dict(facts(replace(run, manifest=run.manifest | {"config": config})))["Eps"]
        == "0.25, 1 (L2)"
    )


@pytest.mark.parametrize("shown", [True, False])
def test_a_failed_transfer_set_is_no_error_of_the_model_it_was_made_on(
    run: FinishedRun, shown: bool
) -> None:
    failed: dict[str, object] = {
        "model": FOUR[0],
        "attacked_labels": run.own_label_set(FOUR[0]),
        "norm": "linf",
    }
    failed |= {"perturbation": "transfer", "status": "error", "message": "boom", "grid": [4 / 255]}
    failed |= {"shown": True} if shown else {}
    made = [*run.manifest["perturbations"], failed]
    changed = replace(run, manifest={**run.manifest, "perturbations": made})
    before, after = (
        {each.model: each.status for each in verdicts(one, TOP)} for one in (run, changed)
    )
    assert after == before | ({} if shown else {FOUR[0]: "error"})
    assert "boom" in str(reliability(changed))  # the failure is told there
