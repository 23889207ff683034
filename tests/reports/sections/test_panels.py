"""What the panels say of a synthetic run: calibration, label noise, ranks, limits."""

import re

import numpy as np
import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import UNMOVED
from evaluation.results.select import Headline, attacks, black_boxes
from reports.markdown import render_markdown
from reports.page import render
from reports.sections.calibration import calibration_charts, calibration_summary
from reports.sections.costs import cost_sentence, costs
from reports.sections.curves import curve_charts, scatter_chart
from reports.sections.label_noise import label_noise_charts
from reports.sections.label_sets import label_set_chart
from reports.sections.leaderboard import leaderboard, ranking_sentence
from reports.sections.method import power_sentences, seed_sentences
from reports.sections.threat_model import threat_model
from reports.sections.verdict import verdicts
from tests.reports.fake_run import replace
from tests.reports.wishes import FOUR

TOP = Headline("linf", 4 / 255)


def column(run: FinishedRun, title: str) -> dict[str, tuple[str, str]]:
    """Text and small text of a column of the leaderboard, by model."""
    board = leaderboard(run, TOP)
    place = next(i for i, head in enumerate(board.head) if head.startswith(title))
    return {model: (cells[place].text, cells[place].small) for model, _, cells, *_ in board.rows}


def test_calibration_compares_what_is_said_with_what_is_right(run: FinishedRun) -> None:
    chart = calibration_charts(run, TOP)[0]
    # four bins of equally many faces say .3, .5, .7 and .9
    assert "simple_cnn.fer: confidence 60\u202f% on clean faces" in chart.title
    assert "under attack, 60\u202f% and" in chart.title
    assert [panel.heading for panel in chart.panels] == ["Clean", "Worst case 4/255"]
    assert re.search(
        r"Clean: debiased ECE .*, Brier 0.50 \(0.4.*\), NLL 1.25 \(1.2.*\)", chart.caption
    )
    summary = calibration_summary(run, TOP)
    assert len(summary.rows) == 2 * 3
    assert [len(row) for row in summary.rows] == [len(summary.head)] * 6
    measures = [summary.head.index(name) for name in ("accuracy", "debiased ECE", "Brier", "NLL")]
    for row in summary.rows:
        assert all(re.search(r"\(.+\u2013.+\)", row[place]) for place in measures)
    assert all(summary.numeric[place] for place in measures)


def test_calibration_without_attacks_or_figures(run: FinishedRun) -> None:
    assert len(calibration_charts(run, None)[0].panels) == 1
    bare = replace(run, results=run.results[~run.results["metric"].str.startswith("bin_")])
    assert calibration_charts(bare, TOP) == []
    assert calibration_summary(bare, TOP).rows == []


def test_label_noise_has_its_four_charts(run: FinishedRun) -> None:
    charts = {chart.name: chart for chart in label_noise_charts(run, TOP)}
    assert list(charts) == ["label-noise", "strata", "flips", "agreement"]
    assert "61\u202f% of a model's clean errors give the FER+ label" in charts["label-noise"].title
    assert len(charts["label-noise"].panels) == 3
    assert "20\u202f% of broken faces" in charts["flips"].title
    assert "explains" not in charts["label-noise"].title
    assert charts["agreement"].title.startswith("On 360 clean faces a model agrees")
    assert charts["agreement"].title.endswith("at 4/255 with 6.0\u202f%")
    assert all(len(chart.table.rows) > 3 for chart in charts.values())


def test_a_gap_is_described_in_points(run: FinishedRun) -> None:
    gap = label_noise_charts(run, TOP)[0].panels[-1]
    assert "in points" in gap.heading and "+2.0 points" in gap.svgs[0]
    assert "%" not in gap.svgs[0].split('aria-label="')[1].split('"')[0]


def test_label_noise_needs_two_label_sets(run: FinishedRun) -> None:
    one = replace(run, results=run.results[run.results["label_set"] == "fer"])
    one = replace(one, results=one.results[~one.results["metric"].str.contains("oracle|noise")])
    assert [chart.name for chart in label_noise_charts(one, None)] == ["strata"]


def test_leaderboard_shows_the_curve_quartiles_and_faces_that_did_not_leak(
    run: FinishedRun,
) -> None:
    assert column(run, "Median smallest eps")[FOUR[0]] == ("1/255", "0.5/255 to >4/255")
    assert column(run, "Area")[FOUR[0]][0] == "16\u202f%"  # .64 / 4, shown as wide as it is
    assert column(run, "Clean, no leaked")[FOUR[0]][0].endswith("%")
    generated = replace(run, results=run.results[run.results["subset"] != "no_leak"])
    assert "Clean, no leaked" not in leaderboard(generated, TOP).head  # no face leaked


def test_the_area_that_ranks_stands_beside_the_headline(run: FinishedRun) -> None:
    head = leaderboard(run, TOP).head
    assert head[:4] == ["Rank", "Clean accuracy", "Area to 4/255", "Worst case 4/255"]
    page, summary = render(run), render_markdown(run)
    for text in (page, summary):
        assert "ranked by the area under the security curve up to 4/255" in text
    assert "| Area to 4/255 | Worst case 4/255 |" in summary
    assert ranking_sentence(run, None) == "Models are ranked by clean accuracy."


def test_the_spread_over_seeds_is_shown_where_attacks_were_repeated(run: FinishedRun) -> None:
    assert "Seed spread 4/255" not in leaderboard(run, TOP).head
    assert seed_sentences(run, TOP) == []
    robust = run.results["metric"] == "robust_accuracy"
    worst = robust & (run.results["perturbation"] == "worst_case")
    told = "1.2 % with seed 0, 3.7 % with seed 1"
    empty = {"value": 0.025, "ci_low": np.nan, "ci_high": np.nan, "detail": told}
    spread = run.results[worst].assign(metric="robust_accuracy_spread", **empty)
    repeated = replace(run, results=pd.concat([run.results, spread]))
    assert column(repeated, "Seed spread 4/255")[FOUR[0]] == ("2.5 points", "")
    assert len(seed_sentences(repeated, TOP)) == 3
    assert seed_sentences(repeated, TOP)[0].endswith(f"random seeds: {told}.")
    still = run.results[worst].assign(
        metric="robust_accuracy_spread", **(empty | {"value": 0.0, "detail": f"{UNMOVED}, 5 %"})
    )
    unmoved = replace(run, results=pd.concat([run.results, still]))
    assert column(unmoved, "Seed spread 4/255")[FOUR[0]] == ("no draw mattered", "")


def test_upper_bounds_are_marked_everywhere(limited: FinishedRun) -> None:
    assert black_boxes(limited.results) == {FOUR[1]}
    robust = column(limited, "Worst case 4/255")
    assert robust[FOUR[1]][0].startswith("\u2264") and not robust[FOUR[0]][0].startswith("\u2264")
    assert column(limited, "Median smallest eps")[FOUR[1]][0] == "\u2264\u202f1/255"
    assert column(limited, "Rank")[FOUR[1]] == ("\u2014", "")
    assert column(limited, "Rank")[FOUR[0]][0] == "1"  # no rival is left
    assert column(limited, "Attack success")[FOUR[1]][0].startswith("\u2265")
    sentences = {verdict.model: verdict.sentence for verdict in verdicts(limited, TOP)}
    assert "; at most " in sentences[FOUR[1]] and "; at most " not in sentences[FOUR[0]]
    first, second = curve_charts(limited)
    assert f"\u2264 {FOUR[1]}" in first.panels[0].svgs[0]
    assert "upper bound" in first.caption and "upper bound" not in second.caption
    labels, (_, strata, flips, _) = label_set_chart(limited, TOP), label_noise_charts(limited, TOP)
    told = f"{FOUR[1]} gives no gradients: a stronger attack may break more faces."
    assert labels is not None
    assert all(told in chart.caption for chart in (labels, strata, flips))


def test_charts_mark_a_black_box_by_the_manifest(run: FinishedRun) -> None:
    assert black_boxes(run.results) == set()
    models = {
        model: entry | {"black_box": model == FOUR[1]}
        for model, entry in run.manifest["models"].items()
    }
    marked = replace(run, manifest=run.manifest | {"models": models})
    scatter = scatter_chart(marked, TOP)
    assert scatter is not None
    for chart in (curve_charts(marked)[0], scatter):
        assert f"\u2264 {FOUR[1]}" in chart.panels[0].svgs[0]
        assert f"\u2264 {FOUR[0]}" not in chart.panels[0].svgs[0]


def test_an_attack_that_no_model_allows_is_not_named(run: FinishedRun) -> None:
    results = run.results.assign(status="not applicable")
    assert attacks(results, "linf") == []
    assert attacks(run.results, "linf") == ["fgsm", "pgd"]


def test_the_threat_model_speaks_of_gradients_where_there_are_some(
    run: FinishedRun, limited: FinishedRun
) -> None:
    assert "white-box" in " ".join(threat_model(limited, TOP))
    of_limited = limited.results[limited.results["model"] == FOUR[1]]
    models = {FOUR[1]: limited.manifest["models"][FOUR[1]]}
    alone = replace(limited, results=of_limited, manifest=limited.manifest | {"models": models})
    words = " ".join(threat_model(replace(alone, results=of_limited), TOP))
    assert "white-box" not in words


def test_the_threat_model_names_models_without_gradients(
    run: FinishedRun, limited: FinishedRun
) -> None:
    """Also where no attack by gradients was asked for, so that none was impossible."""
    said = f"{FOUR[1]} returns no gradients: the attacker can query the model"
    assert not any(
        job.get("status") == "not applicable" for job in limited.manifest["perturbations"]
    )
    assert said in " ".join(threat_model(limited, TOP))
    assert "no gradients" not in " ".join(threat_model(run, TOP))


def test_the_method_names_models_attacked_in_bfloat16(run: FinishedRun) -> None:
    assert "bfloat16" not in " ".join(threat_model(run, TOP))
    first, *others = run.manifest["perturbations"]
    changed = [first | {"model": FOUR[1], "precision": "bfloat16"}, *others]
    words = " ".join(
        threat_model(replace(run, manifest=run.manifest | {"perturbations": changed}), TOP)
    )
    assert f"Attacks on {FOUR[1]} computed gradients in reduced precision (bfloat16)" in words


def test_a_job_that_did_not_run_has_no_time(run: FinishedRun) -> None:
    job = {"perturbation": "pgd", "model": FOUR[0], "status": "not applicable"}
    table = costs(replace(run, manifest=run.manifest | {"perturbations": [job]}))
    assert table.rows[0][table.head.index("time")] == "\u2014"


def test_time_of_an_earlier_start_is_told(run: FinishedRun) -> None:
    """Else attacks seem to have taken longer than the run."""
    job = {"perturbation": "pgd", "model": FOUR[0], "status": "ok", "seconds": 90.0, "chunks": 2}
    jobs = [job | {"reused_chunks": 0}, job | {"reused_chunks": 1, "seconds": 30.0}]
    changed = replace(run, manifest=run.manifest | {"perturbations": jobs})
    text = cost_sentence(changed).replace("\u202f", " ")
    assert text.startswith("Attacks and corruptions took 2 min 00 s") and " 30 s of it " in text
    alone = replace(run, manifest=run.manifest | {"perturbations": jobs[:1]})
    assert " of it " not in cost_sentence(alone)


def test_passes_that_sweeps_share_are_not_passed_off_as_spent_twice(run: FinishedRun) -> None:
    """A face with the same label under both label sets is attacked once, and counted for both."""
    job = {"perturbation": "pgd", "model": FOUR[0], "forward": 9, "backward": 9, "seconds": 1.0}
    under = [job | {"attacked_labels": name} for name in ("fer", "ferplus")]
    black_box = [job | {"attacked_labels": "fer", "sources": [FOUR[1]]}]

    def told(jobs: list[dict[str, object]]) -> str:
        return cost_sentence(replace(run, manifest=run.manifest | {"perturbations": jobs}))

    for jobs in (under, black_box):
        assert told(jobs).endswith("Passes that sweeps share count in each of them.")
    assert "share" not in told(under[:1])


def test_power_is_said_in_points(run: FinishedRun) -> None:
    first, second = power_sentences(run, TOP)
    assert "on clean faces, 4.1 points between two of them, and 9.3 points between one" in first
    assert "in the worst case at 4/255" in first and second.startswith("Under FER+ labels")
    tied = run.results.copy()
    paired = (tied["metric"] == "smallest_difference") & (tied["detail"] == "paired")
    tied.loc[paired, "value"] = np.inf
    assert (
        "no difference between them, which disagree"
        in power_sentences(replace(run, results=tied), TOP)[0]
    )
    worst = run.results["perturbation"] == "worst_case"
    floor = run.results.copy()
    floor.loc[worst & (floor["metric"] == "robust_accuracy"), "value"] = 0.0
    said = power_sentences(replace(run, results=floor), TOP)[0]
    assert "in the worst case at 4/255 nothing, because both are at 0\u202f%" in said
    assert said.count("points") == 2  # those on clean faces
    floor = run.results.copy()
    second = worst & (floor["metric"] == "robust_accuracy") & (floor["model"] == FOUR[1])
    floor.loc[second, "value"] = 0.0
    said = power_sentences(replace(run, results=floor), TOP)[0]
    assert f"(figures of {FOUR[0]} only: {FOUR[1]} is at 0\u202f%)" in said
    assert f"the ranked models {FOUR[0]} and {FOUR[1]} (n\u00a0=\u00a0400 faces)" in said
    crash = run.results.copy()
    hit = (crash["model"] == FOUR[1]) & (crash["metric"] == "robust_accuracy")
    crash.loc[hit & (crash["perturbation"] == "pgd"), "status"] = "error"
    said = power_sentences(replace(run, results=crash), TOP)[0]
    assert f"400 faces; without {FOUR[1]}, which has no rank)" in said
    spread = run.results.copy()
    unpaired = (spread["metric"] == "smallest_difference") & (spread["detail"] == "unpaired")
    spread.loc[unpaired & (spread["model"] == FOUR[0]), "value"] = 0.12
    assert "9.3\u201312.0 points" in power_sentences(replace(run, results=spread), TOP)[0]
    bare = run.results[run.results["metric"] != "smallest_difference"]
    assert power_sentences(replace(run, results=bare), TOP) == []
