"""The page of a measured reading of clips: `index.html`, from the files of its folder alone."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from datasets.base.atomic import atomic
from evaluation.results.reading import CLEAN_READING, LABELS, UNSMOOTHED, MeasuredReading
from reports.charts.drawing import Chart
from reports.charts.svg import theme_css
from reports.readings.flips import flips_chart
from reports.readings.timeline import timeline_chart
from reports.readings.tradeoff import tradeoff_chart
from reports.readings.words import (
    ATTACKS,
    Group,
    best_smoother,
    grid,
    number_with_interval,
    pick_figure,
    points_with_interval,
    share_name,
    shown_groups,
    smoothers,
    smoothing_words,
    with_interval,
)
from reports.table import Table, table
from reports.template_parts import TEMPLATES, svgs, template_environment
from reports.words.text import count, data_name, eps_text, listing

PAGE = "index.html"
MOST_TIMELINES = 4
"""Clips per model whose readings are drawn over time."""


def write_page(folder: Path) -> Path:
    """Write the page of a folder of `python -m evaluation.video`, atomically; return its path.

    Raises:
        InputError: a file is missing or damaged.
    """
    text = render(MeasuredReading(folder))
    with atomic(folder / PAGE) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
    return folder / PAGE


def render(reading: MeasuredReading) -> str:
    """The whole page as HTML. The same files give the same text."""
    results, manifest = reading.results, reading.manifest
    groups = shown_groups(results)
    data = manifest["data"]
    return (
        template_environment()
        .get_template("readings.html")
        .render(
            models=results["model"].nunique(),
            clips=manifest["clips"],
            lead=_lead(manifest),
            notice=data["notice"] if data else "",
            verdicts=[line.split(" ", 1) for line in verdicts(reading)],
            groups=[
                (
                    group,
                    tradeoff_chart(group, place),
                    flips_chart(group, place),
                    _attack_table(group, place),
                )
                for place, group in enumerate(groups)
            ],
            timelines=_timelines(reading),
            attacks=ATTACKS.values(),
            planted=any(group.reference == LABELS for group in groups),
            data=data,
            data_name=data_name(data) if data else "",
            checks=manifest.get("checks", []),
            kinds={LABELS: "planted clips", CLEAN_READING: "real clips"},
            flagged=bool((results["status"] == "flagged").any()),
            notes=manifest["notes"],
            seconds=manifest["options"]["seconds"],
            steps=manifest["options"]["steps"],
            command=manifest["command"],
            manifest=json.dumps(manifest, indent=2),
            version=manifest["deadpan_version"],
            themes={"light": Markup(theme_css(False)), "dark": Markup(theme_css(True))},
            css=Markup((TEMPLATES / "report.css").read_text()),
            js=Markup((TEMPLATES / "cues.js").read_text()),
            svgs=svgs,
        )
    )


def verdicts(reading: MeasuredReading) -> list[str]:
    """A sentence per model and kind of clips; the model's id comes first."""
    return [
        verdict(model, group)
        for group in shown_groups(reading.results)
        for model in group.rows["model"].unique()
    ]


def verdict(model: str, group: Group) -> str:
    """What one model's figures say of the clips of a group, in a sentence or three."""
    rows, reference = group.rows[group.rows["model"] == model], group.reference
    share, eps, best = share_name(reference), grid(rows)[0], best_smoother(rows, reference)
    clean = pick_figure(rows, smoothing=UNSMOOTHED, metric=share)
    flips = pick_figure(rows, smoothing=UNSMOOTHED, perturbation="none", metric="flips_per_second")
    assert clean is not None
    if share == "accuracy":
        start = f"labels {with_interval(clean)} of the frames of planted clips correctly"
    else:
        start = f"reads {count(int(clean['n']))} frames of {clean['clip']}"
    attacked = {"perturbation": "adaptive", "eps": eps, "metric": f"robust_{share}"}
    worst = with_interval(pick_figure(rows, smoothing=UNSMOOTHED, **attacked))
    kept = "stay correct" if share == "accuracy" else "keep their label"
    text = (
        f"{model} {start}, with {number_with_interval(flips)} flips per second; {worst} {kept} "
        f"under the worst attack at {eps_text(eps)}"
    )
    if best == UNSMOOTHED:
        return f"{text}."
    smoothed = with_interval(pick_figure(rows, smoothing=best, **attacked))
    delay = pick_figure(rows, smoothing=best, perturbation="none", metric="median_delay")
    late = number_with_interval(delay, 2)
    gain = pick_figure(rows, smoothing=best, **{**attacked, "metric": f"robust_{share}_gain"})
    bought = "" if gain is None else f", {points_with_interval(gain)} against no smoothing"
    later = f", at a median delay of {late} s" if delay is not None and delay["n"] else ""
    several = len(smoothers(rows)) > 2
    which = "The best of the smoothers against it" if several else "The smoother"
    chosen = " It was chosen on these frames, which flatters it." if several else ""
    return f"{text}. {which}, {smoothing_words(best)}, keeps {smoothed}{bought}{later}.{chosen}"


def _lead(manifest: dict[str, Any]) -> str:
    kinds = []
    for reference, words in ((LABELS, "planted clip"), (CLEAN_READING, "real clip")):
        found = [clip for clip in manifest["clips"] if clip["reference"] == reference]
        if found:
            frames = sum(clip["frames"] for clip in found)
            plural = "" if len(found) == 1 else "s"
            kinds.append(f"{len(found)} {words}{plural} ({count(frames)} frames)")
    return listing(kinds)


def _attack_table(group: Group, place: int) -> Table:
    """Share of frames that keep their label, by smoother, eps and attack."""
    rows, share, cells = group.rows, share_name(group.reference), []
    for model in rows["model"].unique():
        own = rows[rows["model"] == model]
        for eps in grid(own):
            for smoothing in smoothers(own):
                found = [
                    pick_figure(own, smoothing=smoothing, perturbation=attack, eps=eps,
                                metric=f"robust_{share}")
                    for attack in ATTACKS
                ]  # fmt: skip
                shares = map(with_interval, found)
                cells.append([model, eps_text(eps), smoothing_words(smoothing), *shares])
    head = ["model", "eps", "smoothing", *(name for name, _ in ATTACKS.values())]
    return table(f"robust-{place}", head, cells, rows)


def _rows_with(clip: dict[str, Any], groups: list[Group]) -> pd.DataFrame:
    """Figures of the group in which a clip is shown."""
    alike = [group.rows for group in groups if group.reference == clip["reference"]]
    alone = [rows for rows in alike if clip["name"] in set(rows["clip"])]
    return (alone or alike)[0]


def _timelines(reading: MeasuredReading) -> list[Chart]:
    """Readings over time: the first planted clip and then the real ones."""
    results, charts = reading.results, list[Chart]()
    clips = reading.manifest["clips"]
    planted = [clip for clip in clips if clip["reference"] == LABELS][:1]
    shown = [*planted, *(clip for clip in clips if clip["reference"] != LABELS)][:MOST_TIMELINES]
    for model in results["model"].unique():
        for clip in shown:
            rows = _rows_with(clip, shown_groups(results))
            rows = rows[rows["model"] == model]
            best, eps = best_smoother(rows, clip["reference"]), grid(rows)[0]
            charts.append(
                timeline_chart(reading.frames, model, clip["name"], best, eps, len(charts))
            )
    return charts
