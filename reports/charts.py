"""The charts of the page: each with a title that states its finding, a caption and its table.

Accuracy charts are here; class-by-class charts are in `reports/class_charts.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes

from datasets.labels import FER7, FERPLUS8, translate
from reports.figures import (
    clean_against_robust,
    corruption_heat_map,
    corruption_rows,
    label_set_bars,
    security_curves,
)
from reports.load import (
    WORST_CASE,
    Headline,
    Run,
    attacks,
    clean_accuracy,
    norm_name,
    pick,
    robust_accuracy,
)
from reports.svg import STYLE, new_figure, to_svg
from reports.tables import Table, figures_table
from reports.text import THIN, count, eps_text, label_set_name, listing, percent, words
from reports.verdict import Figure, own_figures

PHONE = 350
"""Width in pixels of a chart that fits a phone."""


@dataclass(frozen=True)
class Panel:
    """One drawing of a chart: its heading (or none) and its SVG elements, wide and narrow."""

    heading: str
    svgs: list[str]


@dataclass(frozen=True)
class Chart:
    """A chart of the page.

    Attributes:
        name: unique on the page.
        title: what it shows, as a finding.
        caption: how to read it, and n.
        panels: its drawings.
        table: the figures behind it.
    """

    name: str
    title: str
    caption: str
    panels: list[Panel]
    table: Table


def drawing(
    name: str,
    alt: str,
    size: tuple[int, int],
    margins: tuple[int, int, int, int],
    draw: Callable[[Axes], None],
    css_class: str = "",
) -> str:
    """Draw on axes inside margins (left, right, bottom, top) in pixels; the SVG element."""
    width, height = size
    left, right, bottom, top = margins
    with mpl.rc_context(STYLE):
        figure = new_figure(width, height)
        box = (
            left / width,
            bottom / height,
            (width - left - right) / width,
            (height - bottom - top) / height,
        )
        axes = figure.add_axes(box)
        draw(axes)
    return to_svg(figure, name, alt, css_class)


def curve_charts(run: Run) -> list[Chart]:
    """Security curves, one chart a label set and norm."""
    charts = []
    for norm in run.norms:
        parts = attacks(run.results, norm)
        if not parts and pick(run.results, norm=norm, perturbation=WORST_CASE).empty:
            continue
        for label_set in run.label_sets:
            shown = run.models_of(label_set)
            if shown:
                charts.append(_curve_chart(run, label_set, norm, shown, parts))
    return charts


def _curve_chart(
    run: Run, label_set: str, norm: str, shown: list[str], parts: list[str]
) -> Chart:
    name = f"curve-{label_set}-{norm}"
    rows = pd.concat(
        [
            pick(clean_accuracy(run.results, label_set), model=shown),
            *(
                pick(robust_accuracy(run.results, label_set, norm, part), model=shown)
                for part in [WORST_CASE, *parts, "noise"]
            ),
        ]
    )
    labels = label_set_name(label_set)
    title = f"{labels} labels: {_curve_title(rows, norm)}"
    alt = f"Robust accuracy against eps under {labels} labels for {', '.join(shown)}. {title}"
    below = 30 + 17 * (len(shown) + 2)
    tall = max(300, 90 + 16 * (len(shown) + 2))
    svgs = [
        drawing(
            f"{name}-{'narrow' if narrow else 'wide'}",
            alt,
            (PHONE, 300 + below) if narrow else (760, tall),
            (46, 24, 44 + below, 10) if narrow else (46, 210, 44, 10),
            lambda axes, narrow=narrow: security_curves(
                run.results,
                axes,
                label_set=label_set,
                models=run.models,
                shown=shown,
                norm=norm,
                names_below=narrow,
            ),
            "narrow" if narrow else "wide",
        )
        for narrow in (False, True)
    ]
    caption = (
        f"Share of faces still read right under {labels} labels when every pixel may change by "
        f"up to eps ({norm_name(norm)}). Red: the worst case over "
        f"{listing([words(part) for part in parts]) or 'all attacks'}, band: 95\u202f% interval. "
        "Grey, same line style: random noise of the same size. Dotted: always answering the most "
        f"frequent class. n = {_counts(rows)} faces."
    )
    keys = {"model": "model", "perturbation": "perturbation", "eps": "eps"}
    shown_rows = rows.assign(
        perturbation=[words(name).replace("none", "clean") for name in rows["perturbation"]],
        eps=[eps_text(eps, norm) for eps in rows["eps"]],
    )
    table = Table(name, *_cells(figures_table(name, shown_rows, keys)), _uri(rows, name))
    return Chart(name, title, caption, [Panel("", svgs)], table)


def scatter_chart(run: Run, headline: Headline) -> Chart | None:
    """Clean against robust accuracy, every model under its own labels."""
    pairs = [(model, *own_figures(run, model, headline)) for model in run.models]
    known = [model for model, clean, robust in pairs if clean.known and robust.known]
    if len(known) < 2:
        return None
    models = pd.DataFrame({"model": run.models})
    models["label_set"] = [run.own_label_set(model) for model in run.models]
    best = max((robust.value, model) for model, _, robust in pairs if robust.known)
    highest = next(robust for model, _, robust in pairs if model == best[1])
    title = (
        f"No model keeps more than {highest.text} at {headline.text}, "
        "however well it reads clean faces"
        if best[0] < 0.05
        else f"{best[1]} keeps most at {headline.text}: {highest.text}"
    )
    below = 17 * (len(known) if len(known) > 6 else 0)
    svgs = [
        drawing(
            f"scatter-{kind}",
            f"Clean accuracy against robust accuracy. {title}.",
            (width, 330 + below),
            (48, 26, 44, 10),
            lambda axes: clean_against_robust(run.results, axes, models=models, headline=headline),
            kind,
        )
        for kind, width in (("wide", 540), ("narrow", PHONE))
    ]
    rows = pd.concat(
        part
        for model in known
        for part in (
            pick(clean_accuracy(run.results, run.own_label_set(model)), model=model),
            pick(
                robust_accuracy(run.results, run.own_label_set(model), headline.norm),
                model=model,
                eps=headline.eps,
            ),
        )
    )
    caption = (
        "Right on clean faces (across) and still right in the worst case at "
        f"{headline.text} (up), each under its own labels; lines are 95\u202f% intervals. "
        f"On the dotted line an attack would cost nothing. n = {_counts(rows)} faces."
    )
    shown = rows.assign(
        perturbation=[words(name).replace("none", "clean") for name in rows["perturbation"]]
    )
    keys = {"model": "model", "label_set": "labels", "perturbation": "perturbation"}
    table = Table("scatter", *_cells(figures_table("", shown, keys)), _uri(rows, "scatter"))
    return Chart("scatter", title, caption, [Panel("", svgs)], table)


def label_set_chart(run: Run, headline: Headline | None) -> Chart | None:
    """Each model under FER and under FER+, clean and attacked."""
    both = [name for name in ("fer", "ferplus") if name in run.label_sets]
    models = [model for model in run.models if set(both) <= _scored_under(run, model)]
    if len(both) < 2 or not models:
        return None
    steps: list[tuple[str, float]] = [("Clean", 0.0)]
    if headline:
        grid = robust_accuracy(run.results, both[0], headline.norm)["eps"]
        smallest = float(grid[grid > 0].min()) if (grid > 0).any() else headline.eps
        steps += [
            (f"Worst case {eps_text(eps, headline.norm)}", eps)
            for eps in sorted({smallest, headline.eps})
        ]
    threat = headline or Headline("linf", 0.0)
    panels = []
    for index, (heading, eps) in enumerate(steps):
        svg = drawing(
            f"labels-{index}",
            f"{heading}: accuracy of {', '.join(models)} under FER and FER+ labels.",
            (PHONE, 48 + 46 * len(models)),
            (150, 22, 40, 4),
            lambda axes, eps=eps: label_set_bars(
                run.results, axes, models=models, eps=eps, headline=threat
            ),
        )
        panels.append(Panel(heading, [svg]))
    wanted = [pick(clean_accuracy(run.results, name), model=models) for name in both]
    for name in both if headline else []:
        wanted.append(pick(robust_accuracy(run.results, name, threat.norm), model=models))
    rows = pd.concat([*wanted, _transfer(run.results)])
    caption = (
        "Solid teal: FER labels; hatched purple: FER+ labels (majority of ten taggers); black "
        "line: 95\u202f% interval. A model is attacked under the labels it is scored on. "
        "Where a FER+ model meets FER labels, contempt counts as wrong; where a FER model meets "
        f"FER+ labels, faces labelled contempt are left out. {_agreement(run)}"
    )
    shown = rows.assign(
        label_set=rows["label_set"].map(label_set_name),
        attacked_labels=rows["attacked_labels"].map(label_set_name),
        eps=[eps_text(eps, threat.norm) for eps in rows["eps"]],
    )
    keys = {"model": "model", "label_set": "scored on", "attacked_labels": "attacked under"}
    keys["eps"] = "eps"
    table = Table("labels", *_cells(figures_table("", shown, keys)), _uri(rows, "labels"))
    return Chart("labels", _label_title(run, headline), caption, panels, table)


def corruption_charts(run: Run) -> list[Chart]:
    """One heat map a model, under its own labels."""
    charts = []
    for model in run.models:
        own = run.own_label_set(model)
        rows = pick(corruption_rows(run.results, own), model=model)
        if rows.empty or rows["value"].isna().all():
            continue
        name = f"corruptions-{_slug(run, model)}"
        worst = rows.loc[rows["value"].idxmin()]
        clean = Figure.of(pick(clean_accuracy(run.results, own), model=model))
        low = Figure.of(rows.loc[[rows["value"].idxmin()]])
        title = (
            f"{words(worst['perturbation']).capitalize()} at severity {worst['severity']} costs "
            f"{model} most: {clean.text} \N{RIGHTWARDS ARROW} {low.text}"
        )
        kinds = rows["perturbation"].nunique()
        svg = drawing(
            name,
            f"Accuracy of {model} by corruption and severity. {title}.",
            (PHONE, 50 + 32 * kinds),
            (120, 6, 44, 4),
            lambda axes, model=model, own=own: corruption_heat_map(
                run.results, axes, model=model, label_set=own
            ),
        )
        caption = (
            "Accuracy in percent by corruption (down) and severity (across); "
            f"{label_set_name(own)} labels, n = {_counts(rows)} faces."
        )
        shown = rows.assign(perturbation=rows["perturbation"].map(words))
        keys = {"perturbation": "corruption", "severity": "severity"}
        table = Table(name, *_cells(figures_table("", shown, keys)), _uri(rows, name))
        charts.append(Chart(name, title, caption, [Panel("", [svg])], table))
    return charts


def _scored_under(run: Run, model: str) -> set[str]:
    rows = pick(run.results, model=model, perturbation="none", metric="accuracy", subset="all")
    return set(rows["label_set"])


def _slug(run: Run, model: str) -> str:
    return str(run.models.index(model))


def _transfer(results: pd.DataFrame) -> pd.DataFrame:
    rows = pick(results, subset="all", perturbation=WORST_CASE, metric="robust_accuracy")
    return rows[(rows["attacked_labels"] != "") & (rows["attacked_labels"] != rows["label_set"])]


def _curve_title(rows: pd.DataFrame, norm: str) -> str:
    grid = sorted(eps for eps in rows["eps"].unique() if 0 < eps <= 4 / 255 + 1e-9) or sorted(
        eps for eps in rows["eps"].unique() if eps > 0
    )
    if not grid:
        return "no attack gave a figure"
    eps = grid[-1] if norm == "linf" else grid[0]
    at = pick(rows, eps=eps)
    robust = at.loc[at["perturbation"] == WORST_CASE, "value"].dropna()
    noise = at.loc[at["perturbation"] == "noise", "value"].dropna()
    if robust.empty:
        return f"no attack at {eps_text(eps, norm)} gave a figure"
    text = f"at {eps_text(eps, norm)} the attack leaves {_range(robust)} of faces read right"
    return f"{text}; random noise of that size leaves {_range(noise)}" if len(noise) else text


def _label_title(run: Run, headline: Headline | None) -> str:
    parts = []
    for label_set in ("fer", "ferplus"):
        clean = pick(
            clean_accuracy(run.results, label_set), model=run.models_of(label_set)
        )["value"].dropna()
        if len(clean):
            parts.append(f"{_range(clean)} under {label_set_name(label_set)}")
    title = f"On their own labels, models read {' and '.join(parts)}" if parts else "FER and FER+"
    values = [own_figures(run, model, headline)[1] for model in run.models] if headline else []
    robust = pd.Series([figure.value for figure in values], dtype=float).dropna()
    if headline and len(robust) and robust.max() < 0.05:
        return f"{title}; at {headline.text} neither label set saves them"
    return title


def _agreement(run: Run) -> str:
    rows = run.per_image.drop_duplicates("row")
    rows = rows[(rows["fer"] >= 0) & (rows["ferplus"] >= 0)]
    if rows.empty:
        return ""
    translated = translate(rows["fer"].to_numpy(), FER7, FERPLUS8)
    share = float((translated == rows["ferplus"].to_numpy()).mean())
    return (
        f"The two label sets agree on {percent(share, 0, 1)} of the {count(len(rows))} faces "
        "that carry both; on the rest no answer is right under both."
    )


def _range(values: pd.Series) -> str:
    low, high = (percent(float(value), 0, 0 if value < 0.1 else 1) for value in
                 (values.min(), values.max()))  # fmt: skip
    return low if low == high else f"{low.split(THIN)[0]}\u2060\N{EN DASH}\u2060{high}"


def _counts(rows: pd.DataFrame) -> str:
    numbers = sorted(set(rows.loc[rows["n"] > 0, "n"]))
    return " to ".join(count(number) for number in dict.fromkeys([*numbers[:1], *numbers[-1:]]))


def _cells(table: Table) -> tuple[list[str], list[list[str]]]:
    return table.head, table.rows


def _uri(rows: pd.DataFrame, name: str) -> str:
    return figures_table(name, rows, {}).uri
