"""Certified accuracy by L2 radius: what randomised smoothing guarantees for each model."""

from functools import partial
from typing import Any

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.select import pick
from reports.charts.certified_radius import certified_curves
from reports.charts.drawing import PHONE, Chart, Panel, drawing, faces_counted, share_range
from reports.charts.svg import ROLES
from reports.sections.figures import ranked
from reports.table import figures_table
from reports.words.text import NBSP, count, label_set_name

_BLUE, _GREY = ROLES["clean"][0], ROLES["noise"][0]


def certified_charts(run: FinishedRun) -> list[Chart]:
    """Certified accuracy of the models of each label set, one chart per sigma of the noise."""
    every = pick(run.results, metric="certified_accuracy", subset="all")
    every = every[every["value"].notna()]
    charts = []
    for label_set in run.label_sets:
        of_set = pick(every, label_set=label_set)
        for name in of_set["perturbation"].unique():
            rows = pick(of_set, perturbation=name, model=run.models_of(label_set))
            if len(rows):
                charts.append(_chart(run, label_set, str(name), rows))
    return charts


def _chart(run: FinishedRun, label_set: str, smoothing: str, rows: pd.DataFrame) -> Chart:
    sigma = smoothing.removeprefix("smooth")
    shown = [model for model in ranked(run) if model in set(rows["model"])]
    labels = label_set_name(label_set)
    name = f"certified-{label_set}-{smoothing}".replace(".", "-")
    at_zero = pick(rows, eps=0.0)["value"]
    half = pick(rows, eps=float(sigma) / 2)["value"]
    title = (
        f"{labels} labels, noise of sigma {sigma}: {share_range(at_zero)} of faces classified "
        f"correctly under noise; {share_range(half)} certified up to L2 {float(sigma) / 2:g}"
    )
    shares = pick(run.results, metric="majority_share", label_set=label_set, model=shown)
    chance = float(shares["value"].max())
    below = 30 + 17 * (len(shown) + 1)
    svgs = [
        drawing(
            f"{name}-{'narrow' if narrow else 'wide'}",
            f"Certified accuracy against the radius for {', '.join(shown)}. {title}.",
            (PHONE, 280 + below) if narrow else (640, max(300, 90 + 18 * len(shown))),
            (46, 24, 44 + below, 10) if narrow else (46, 24, 44, 10),
            partial(
                certified_curves,
                rows,
                models=run.models,
                shown=shown,
                chance=chance,
                names_below=narrow,
            ),
            "narrow" if narrow else "wide",
        )
        for narrow in (False, True)
    ]
    abstained = pick(
        run.results, metric="abstention", subset="all", label_set=label_set,
        perturbation=smoothing, model=shown,
    )  # fmt: skip
    caption = (
        "Share of faces whose most frequent answer under Gaussian noise is right and cannot be "
        "changed by any perturbation up to that L2 length. This is a guarantee, not the failure "
        "of an attack; it holds for the model with noise added to its input. Dotted: always "
        "answering the most frequent class, which is certified at every radius; only figures "
        f"above it mean something. {_settings(run, smoothing)}Smoothing abstains on "
        f"{share_range(abstained['value'])} of faces; they count as not certified. "
        f"{faces_counted(rows)}."
    )
    keys = {"model": "model", "eps": "radius"}
    both = pd.concat([abstained, rows])
    words = both.assign(
        eps=[
            "abstains" if metric == "abstention" else f"{eps:.4g}"
            for metric, eps in zip(both["metric"], both["eps"], strict=True)
        ]
    )
    return Chart(name, title, caption, [Panel("", svgs)], figures_table(name, both, keys, words))


def _settings(run: FinishedRun, smoothing: str) -> str:
    """Say how many answers a certificate is based on, and how sure it is."""
    jobs = [job for job in run.manifest["perturbations"] if job["perturbation"] == smoothing]
    options: dict[str, Any] = next((job["options"] for job in jobs if job.get("options")), {})
    if not {"samples", "alpha"} <= set(options):
        return ""
    return (
        f"Each certificate is based on {count(options['samples'])} noisy answers and is wrong "
        f"with a probability of at most {100 * options['alpha']:g}{NBSP}%. "
    )
