"""Which part of a face is vulnerable: attacks confined to one region, shown on a mean face."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, pick
from reports.charts.drawing import faces_counted, share_range
from reports.charts.pictures import coloured, png_uri
from reports.sections.figures import ranked
from reports.table import Table, figures_table
from reports.words.text import label_set_name, percent


@dataclass(frozen=True)
class RegionFace:
    """The mean face coloured for one model.

    Attributes:
        model: its id.
        picture: `data:` address of a png.
        alt: what the picture shows.
        shares: region, attack success rate and share of the pixels, as text.
    """

    model: str
    picture: str
    alt: str
    shares: list[tuple[str, str, str]]


@dataclass(frozen=True)
class RegionMap:
    """The panel of one label set: its finding, how to read it, one face per model, the figures."""

    title: str
    caption: str
    faces: list[RegionFace]
    table: Table


def region_maps(run: FinishedRun, headline: Headline | None) -> list[RegionMap]:
    """One panel per label set; none in a run without regional attacks."""
    if headline is None or not len(run.regions["name"]):
        return []
    names = [str(name) for name in run.regions["name"]]
    perturbations = [f"pgd_{name}" for name in names]
    maps = []
    for label_set in run.label_sets:
        models = [name for name in ranked(run) if name in run.models_of(label_set)]
        rows = pick(
            run.results, metric="attack_success_rate", subset="all", label_set=label_set,
            attacked_labels=label_set, perturbation=perturbations, norm=headline.norm,
            eps=headline.eps, model=models,
        )  # fmt: skip
        rows = rows[rows["value"].notna()]
        if len(rows):
            maps.append(_map(run, label_set, headline, names, models, rows))
    return maps


def _map(
    run: FinishedRun,
    label_set: str,
    headline: Headline,
    names: list[str],
    models: list[str],
    rows: pd.DataFrame,
) -> RegionMap:
    region = rows["perturbation"].str.removeprefix("pgd_")
    medians = rows.assign(region=region).groupby("region", sort=False)["value"].median()
    worst = str(medians.idxmax())
    of_worst = rows.loc[region == worst, "value"]
    pixels = dict(zip(names, run.regions["share"], strict=True))
    title = (
        f"{label_set_name(label_set)} labels: changing only {_called(worst)} "
        f"({_whole(pixels[worst])} of the pixels) by up to {headline.text} breaks "
        f"{share_range(of_worst)} of the faces classified correctly"
    )
    caption = (
        f"Attack success rate at {headline.text} when the perturbation is confined to one region; "
        "the redder a region, the higher. "
        "Regions differ in size, so their share of the pixels is shown too. "
        f"{faces_counted(rows)}; each face has its own regions, drawn here on the mean face."
    )
    faces = []
    for model in models:
        own = rows[rows["model"] == model].set_index(region[rows["model"] == model])["value"]
        if len(own):
            faces.append(_face(run, model, own, pixels))
    shown = rows.assign(perturbation=region)
    keys = {"model": "model", "perturbation": "region"}
    table = figures_table(f"regions-{label_set}", rows, keys, shown)
    return RegionMap(title, caption, faces, table)


def _face(run: FinishedRun, model: str, own: pd.Series, pixels: dict[str, float]) -> RegionFace:
    order = own.sort_values(ascending=False, kind="stable")
    shares = [
        (str(name), _whole(float(value)), _whole(pixels[str(name)]))
        for name, value in order.items()
    ]
    alt = f"Mean face of {model}: " + ", ".join(f"{name} {value}" for name, value, _ in shares)
    strength = np.array([float(own.get(str(name), 0.0)) for name in run.regions["name"]])
    picture = coloured(run.regions["mean_face"], run.regions["region"], strength)
    return RegionFace(model, png_uri(picture), alt, shares)


def _whole(share: float) -> str:
    """Write whole percent: regions are compared with each other; intervals are in the table."""
    return percent(share, 0, 1)


def _called(name: str) -> str:
    return "the area outside eyes, brows, nose and mouth" if name == "rest" else f"the {name}"
