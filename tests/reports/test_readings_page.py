"""The page of readings of clips, from made-up frames: what it must say and not say."""

import re
import shutil
import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.figures.readings import score_readings
from evaluation.results.reading import CLEAN_READING, LABELS, MeasuredReading, write_reading
from reports.build import main as build
from reports.charts.drawing import figures_kept
from reports.readings.flips import flips_chart
from reports.readings.page import PAGE, render, verdict, verdicts, write_page
from reports.readings.tradeoff import points, tradeoff_chart
from reports.readings.words import (
    best_smoother,
    points_with_interval,
    shown_groups,
    smoothing_words,
)
from tests.evaluation.readings.made_frames import clip, frames


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    made = frames()
    clips = made.drop_duplicates("clip")[["clip", "reference"]].itertuples(index=False)
    manifest = {
        "command": "python -m evaluation.video",
        "deadpan_version": "0",
        "options": {"seconds": 20.0, "steps": 7},
        "clips": [
            {"name": name, "reference": reference, "frames": 60, "seconds": 2.95}
            for name, reference in clips
        ],
        "notes": ["walk.mp4: 1 of 2 faces left out."],
        "data": {"name": "toy", "split": "Sample", "generated": True, "notice": "Nobody."},
        "checks": [check(LABELS, "flagged", "Twice as many break 9 more."),
                   check(CLEAN_READING, "ok", "Twice as many break none.")],
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("reading")
    return write_reading(folder, score_readings(made, 0, manifest["checks"]), made, manifest)


def check(reference, status, message):
    return {"model": "tiny.fer", "attacked_labels": reference, "perturbation": "adaptive",
            "rule": "R6", "status": status, "message": message}  # fmt: skip


@pytest.fixture(scope="module")
def page(reading):
    return render(reading)


def test_verdicts_tell_accuracy_from_agreement(reading):
    planted, real = verdicts(reading)
    assert planted.startswith("tiny.fer labels 100") and "stay correct" in planted
    assert "reads 54 frames" in real and "keep their label" in real and "correct" not in real


def test_the_best_smoother_is_chosen_by_the_worst_case(reading):
    rows = shown_groups(reading.results)[0].rows
    assert best_smoother(rows, LABELS) == "mean:9"
    found = points(rows, LABELS, 1 / 255).set_index("smoothing")
    assert found.loc["mean:9", "delay"] == pytest.approx(0.25)
    assert found.loc["none", "robust_value"] == pytest.approx(26 / 54)


def test_the_best_of_several_is_said_to_be_chosen_there(reading):
    rows = reading.results
    one = shown_groups(rows)[0]
    assert "The smoother, mean of" in verdict("tiny.fer", one).replace("\N{NO-BREAK SPACE}", " ")
    assert "chosen on these frames" not in verdict("tiny.fer", one)
    other = rows[rows["smoothing"] == "mean:9"].assign(smoothing="mean:3")
    two = verdict("tiny.fer", shown_groups(pd.concat([rows, other]))[0])
    assert "The best of the smoothers" in two
    assert two.endswith("It was chosen on these frames, which flatters it.")


def test_the_page_says_what_it_measured(page):
    for words in ("Generated faces.", "Nobody.", "agreement with it, not accuracy", "walk.mp4: 1",
                  "knows model and smoothing", "7 gradient steps", "not one person"):  # fmt: skip
        assert words in page


def test_the_page_says_where_the_steps_do_not_suffice(reading, page):
    verdict, method = page.split('<section id="method">')
    assert verdict.count("planted clips: Twice as many break 9 more.") == 1
    assert "Twice as many break none." not in verdict
    for words in ("Twice as many break 9 more.", "real clips: Twice as many break none."):
        assert words in method
    rows = reading.results
    failed = rows[rows["status"] == "flagged"]
    assert set(failed["perturbation"]) == {"adaptive"} and set(failed["reference"]) == {LABELS}
    planted, real = verdicts(reading)
    assert "\N{BLACK FLAG}" in planted and "\N{BLACK FLAG}" not in real


def test_figures_under_an_attack_that_has_not_converged_are_flagged_in_every_table(reading):
    planted, real = shown_groups(reading.results)
    flag = "\N{BLACK FLAG}"
    *_, agreement, robust, gain = tradeoff_chart(planted, 0).table.rows[1]
    assert robust.startswith(flag) and gain.startswith(flag) and flag not in agreement
    *_, noise, per_frame, adaptive = flips_chart(planted, 0).table.rows[0]
    assert adaptive.startswith(flag) and flag not in noise + per_frame
    for chart in (tradeoff_chart(real, 1), flips_chart(real, 1)):
        assert not any(flag in cell for row in chart.table.rows for cell in row)
    assert set(points(planted.rows, LABELS, 1 / 255)["robust_status"]) == {"flagged"}


def test_charts_are_drawn_wide_and_narrow_with_unique_ids(page):
    svgs = re.findall(r"<svg class=\"chart (\w+)\".*?</svg>", page, flags=re.S)
    assert svgs.count("wide") == svgs.count("narrow") > 5
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for svg in re.findall(r"<svg.*?</svg>", page, flags=re.S):
        ET.fromstring(svg)
    assert not re.search(r"#[0-9a-f]{6}\b", re.sub(r"<style>.*?</style>", "", page, flags=re.S))


def test_no_interval_hides_another(reading):
    group = shown_groups(reading.results)[1]
    with figures_kept() as kept:
        tradeoff_chart(group, 1)
    axes = next(iter(kept.values())).axes[0]
    bars = [container.lines[2][0] for container in axes.containers]
    clean, robust = (
        bar.get_transform().transform(bar.get_paths()[0].vertices)[0, 0] for bar in bars
    )
    assert robust - clean == pytest.approx(6)


def test_the_chart_of_flips_names_its_line_and_its_frames(reading):
    planted, real = (flips_chart(group, 0) for group in shown_groups(reading.results))
    assert ">the labels<" in planted.panels[0].svgs[0]
    assert ">clean reading<" in real.panels[0].svgs[0]
    assert planted.caption.endswith("n\u00a0=\u00a0118 frames.")


def test_the_same_files_give_the_same_page(reading, page):
    assert render(MeasuredReading(reading.folder)) == page
    assert write_page(reading.folder).read_text() == page
    assert (reading.folder / PAGE).exists()


def test_names_of_smoothers():
    names = [smoothing_words(name) for name in ("none", "repeater:5", "mean:12", "hmm:0.99")]
    assert [name.replace("\N{NO-BREAK SPACE}", " ") for name in names] == [
        "no smoothing", "repeater 5", "mean of 12", "HMM 0.99",
    ]  # fmt: skip


def test_real_clips_alone_have_a_page(tmp_path):
    made = frames()
    made = made[made["reference"] == CLEAN_READING]
    clips = [{"name": "walk.mp4", "reference": CLEAN_READING, "frames": 60, "seconds": 2.95}]
    manifest = {"command": "", "deadpan_version": "0", "options": {"seconds": 9.0, "steps": 1},
                "clips": clips, "notes": [], "data": None}  # fmt: skip
    found = render(write_reading(tmp_path, score_readings(made, 0), made, manifest))
    assert "Real clips: walk.mp4" in found and "Planted clips" not in found and "accuracy" in found


def test_another_folder_is_refused_in_one_line(reading, tmp_path):
    with pytest.raises(InputError, match="expected"):
        write_page(tmp_path)
    other = tmp_path / "copy"
    shutil.copytree(reading.folder, other)
    (other / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="reading of clips"):
        write_page(other)


def test_few_real_clips_are_shown_one_by_one():
    """Between two clips the variance is all but unknown; within each it is not."""
    parts = [clip(f"walk{i}.mp4", CLEAN_READING) for i in range(6)]
    few = shown_groups(score_readings(pd.concat(parts[:2]), 0))
    assert [group.heading for group in few] == ["Real clips: walk0.mp4", "Real clips: walk1.mp4"]
    many = shown_groups(score_readings(pd.concat(parts), 0))
    assert [group.heading for group in many] == ["Real clips: all clips"]
    assert set(many[0].rows["clips"]) == {6}


def test_gains_are_in_points():
    row = pd.Series({"value": -0.013, "ci_low": -0.036, "ci_high": 0.002, "status": "ok"})
    minus = "\N{MINUS SIGN}"
    assert points_with_interval(row) == f"{minus}1 points ({minus}4 to 0)"
    none = pd.Series({"value": -0.002, "ci_low": -0.025, "ci_high": 0.025, "status": "ok"})
    assert points_with_interval(none) == f"0 points ({minus}3 to +3)"  # halves away from 0


def test_reports_build_renders_it_again(reading, page, capsys):
    (reading.folder / PAGE).unlink(missing_ok=True)
    build(reading.folder)
    assert (reading.folder / PAGE).read_text() == page
    assert capsys.readouterr().out.strip() == str(reading.folder / PAGE)
