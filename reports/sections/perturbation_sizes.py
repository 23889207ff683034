"""How large the changes are that break faces: medians of norms, similarity and Grad-CAM shift."""

import math

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, pick
from reports.sections.figures import Figure, marked, ranked
from reports.table import Table, table
from reports.words.attacks import attack_title
from reports.words.text import (
    MISSING,
    count,
    decimal,
    eps_text,
    face_count,
    label_set_name,
    listing,
)

SIZE_COLUMNS = ("linf", "l2", "l1", "ssim", "cam_shift")
_NAMES = ("L\N{INFINITY}", "L2", "L1", "SSIM", "Grad-CAM shift")


def perturbation_sizes(run: FinishedRun, headline: Headline | None) -> Table | None:
    """Medians for every model over the faces broken up to the headline, under its own labels.

    They are those of the worst case; the Grad-CAM shift is that of the attack in the gallery.
    """
    if headline is None:
        return None
    cells, data = [], []
    for model in ranked(run):
        own = run.own_label_set(model)
        at = {"norm": headline.norm, "eps": headline.eps, "subset": "all"}
        rows = pick(run.results, model=model, label_set=own, attacked_labels=own, **at)
        worst = pick(rows, perturbation=WORST_CASE)
        found = [pick(worst, metric=f"median_{name}") for name in SIZE_COLUMNS[:-1]]
        shift = pick(rows, metric="median_cam_shift")
        if found[0].empty:
            continue
        texts = [
            _with_interval(name, Figure.of(part))
            for name, part in zip(SIZE_COLUMNS, [*found, shift], strict=True)
        ]
        names = [attack_title(run.manifest, name) for name in shift["perturbation"].iloc[:1]]
        attack = listing(names) or MISSING
        if names:
            attack += f" ({face_count(Figure.of(shift).n)})"
        cells.append([model, label_set_name(own), *texts, attack, count(Figure.of(found[0]).n)])
        data += [*found, shift]
    if not cells:
        return None
    head = ["model", "labels", *_NAMES, "shift under", "broken faces"]
    return table("sizes", head, cells, pd.concat(data), "Size of the changes, every model")


def size_sentence(run: FinishedRun, headline: Headline | None) -> str:
    """By how much the images change that break faces: the range of medians over models."""
    if headline is None:
        return ""
    medians = [
        Figure.of(
            pick(
                run.results, model=model, metric=f"median_{headline.norm}", subset="all",
                label_set=own, attacked_labels=own, perturbation=WORST_CASE,
                norm=headline.norm, eps=headline.eps,
            )
        )
        for model in ranked(run)
        for own in [run.own_label_set(model)]
    ]  # fmt: skip
    known = [figure.value for figure in medians if figure.known]
    if not known:
        return ""
    low, high = (eps_text(value, headline.norm) for value in (min(known), max(known)))
    between = low if low == high else f"{low} to {high}, depending on the model"
    return f"Faces that break at up to {headline.text} do so at a median of {between}."


def size_words(image: pd.Series) -> list[str]:
    """The known sizes of one perturbation, as text."""
    return [
        f"{name} {_number(size, float(image[size]))}"
        for size, name in zip(SIZE_COLUMNS, _NAMES, strict=True)
        if not math.isnan(float(image[size]))
    ]


def _with_interval(size: str, figure: Figure) -> str:
    if not figure.known:
        return MISSING
    low, high = (_number(size, end) for end in (figure.low, figure.high))
    return marked(f"{_number(size, figure.value)} ({low}\N{EN DASH}{high})", figure.status)


def _number(size: str, value: float) -> str:
    if size == "linf":
        return "\N{INFINITY}" if math.isinf(value) else eps_text(value)
    return decimal(value, {"ssim": 3, "l1": 1}.get(size, 2))
