"""Security curves and clean against robust accuracy: titles, captions, tables."""

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd

from evaluation.comparing.ranking import run_rankings
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import (
    Headline,
    attacks,
    clean_accuracy,
    headline_eps,
    pick,
    robust_accuracy,
)
from reports.charts.curves import joining_attacks, security_curves
from reports.charts.drawing import PHONE, Chart, Panel, drawing, faces_counted, share_range
from reports.charts.line_names import names_width
from reports.charts.scatter import clean_against_robust
from reports.sections.attacks_run import attack_sentences, mixed_note
from reports.sections.figures import Figure, at_most, own_figures
from reports.table import figures_table
from reports.words.attacks import attack_title
from reports.words.text import eps_text, label_set_name, limit_name, listing, norm_name

MANY = 8
"""With more models than this, each gets its own axes: so many curves cannot be told apart."""


def curve_charts(run: FinishedRun) -> list[Chart]:
    """Security curves, one chart per label set and norm."""
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
    run: FinishedRun, label_set: str, norm: str, shown: list[str], parts: list[str]
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
    draw = partial(
        security_curves,
        run.results,
        label_set=label_set,
        models=run.models,
        norm=norm,
        black_boxes=run.black_boxes,
    )
    many = len(shown) > MANY
    if many:
        panels = _small_curves(run, name, rows, draw)
    else:
        names = [*shown, "random noise, same size", "most frequent class"]
        together = partial(draw, shown=shown)
        panels = [Panel("", _wide_and_narrow(name, alt, (552, 300), names, together))]
    title_of = partial(attack_title, run.manifest)
    drawn = pick(rows, perturbation=["none", WORST_CASE, "noise"])
    changes = "every pixel" if norm == "linf" else "the image"
    caption = (
        f"Share of faces still classified correctly under {labels} labels when {changes} may "
        f"change by up to eps ({norm_name(norm)}). Red: the worst case; band: 95\u202f% "
        "interval. Grey, same line style: random noise of the same size. Flat, with long dashes: "
        f"always answering the most frequent class. {faces_counted(drawn)}."
    )
    if many:
        caption += " Faint: the other models. The most robust at the largest eps comes first."
        if run.black_boxes & set(shown):
            caption = caption.removesuffix(".") + ", black boxes last."
    if run.black_boxes & set(shown):
        caption += (
            " \N{LESS-THAN OR EQUAL TO} before a name: the model is a black box, so its curve is "
            "an upper bound."
        )
    caption += _breaks(run, label_set, norm, shown)
    caption = " ".join([caption, *attack_sentences(run, shown, norm)])
    keys = {"model": "model", "perturbation": "perturbation", "eps": "eps"}
    shown_rows = rows.assign(
        perturbation=[title_of(name) for name in rows["perturbation"]],
        eps=[eps_text(eps, norm) for eps in rows["eps"]],
    )
    table = figures_table(name, rows, keys, shown_rows)
    return Chart(name, title, caption, panels, table)


def _breaks(run: FinishedRun, label_set: str, norm: str, shown: list[str]) -> str:
    """Say where the lines break because more attacks join the worst case."""
    joins = sorted(
        {eps for model in shown for eps in joining_attacks(run.results, label_set, norm, model)}
    )
    if not joins:
        return ""
    return (
        f" Lines break at {listing([eps_text(eps, norm) for eps in joins])}, where attacks join "
        "the worst case that did not run at smaller eps."
    )


def _wide_and_narrow(
    name: str, alt: str, size: tuple[int, int], names: list[str], draw: Callable[..., None]
) -> list[str]:
    """Draw a chart with names right of the axes, and one for phones with the names below."""
    beside, below = names_width(names), 30 + 17 * len(names)
    width, height = size
    tall = max(height, 60 + 17 * len(names))
    wide = drawing(f"{name}-wide", alt, (width + beside, tall), (48, beside, 44, 10), draw, "wide")
    narrow = drawing(
        f"{name}-narrow",
        alt,
        (PHONE, height + below),
        (48, 26, 44 + below, 10),
        partial(draw, names="below"),
        "narrow",
    )
    return [wide, narrow]


def _small_curves(
    run: FinishedRun, name: str, rows: pd.DataFrame, draw: Callable[..., None]
) -> list[Panel]:
    """Draw each model on its own axes, the others faint behind it; most robust first."""
    worst = rows[rows["perturbation"] == WORST_CASE].sort_values(["eps", "value"])
    limited = run.black_boxes
    models = sorted(
        dict.fromkeys(worst["model"].tolist()[::-1]), key=lambda model: model in limited
    )
    return [
        Panel(
            limit_name(model, limited),
            [
                drawing(
                    f"{name}-{place}",
                    f"Robust accuracy of {model} against eps.",
                    (252, 200),
                    (44, 22, 42, 8),
                    partial(draw, shown=[model], behind=models, names="none"),
                )
            ],
        )
        for place, model in enumerate(models)
    ]


def scatter_chart(run: FinishedRun, headline: Headline) -> Chart | None:
    """Clean against robust accuracy, every model under its own labels."""
    pairs = [(model, *own_figures(run, model, headline)) for model in run.models]
    known = [model for model, clean, robust in pairs if clean.known and robust.known]
    if len(known) < 2:
        return None
    models = pd.DataFrame({"model": run.models})
    models["label_set"] = [run.own_label_set(model) for model in run.models]
    limited = run.black_boxes
    whole = [model for model in known if run.schemes[model].is_whole]
    seen = [model for model in whole if model not in limited] or whole or known
    ranked = "" if seen == known else ", of the models that have a rank"
    robust_of = {model: robust for model, _, robust in pairs if model in seen}
    title = _scatter_title(run, headline, robust_of, ranked)
    alt = f"Clean accuracy against robust accuracy. {title}."
    draw = partial(
        clean_against_robust,
        run.results,
        models=models,
        headline=headline,
        black_boxes=limited,
    )
    svgs = _wide_and_narrow("scatter", alt, (514, 330), known, draw)
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
        "Clean accuracy (across) against robust accuracy in the worst case at "
        f"{headline.text} (up), each model under its own labels; lines are 95\u202f% intervals. "
        f"On the dotted line an attack would cost nothing. {faces_counted(rows)}."
        f"{mixed_note(run, known, headline.norm)}"
    )
    if limited & set(known):
        caption += " \N{LESS-THAN OR EQUAL TO} before a name: a black box, so an upper bound."
    shown = rows.assign(
        perturbation=[attack_title(run.manifest, name) for name in rows["perturbation"]]
    )
    keys = {"model": "model", "label_set": "labels", "perturbation": "perturbation"}
    table = figures_table("scatter", rows, keys, shown)
    return Chart("scatter", title, caption, [Panel("", svgs)], table)


def _scatter_title(
    run: FinishedRun, headline: Headline, robust: Mapping[str, Figure], ranked: str
) -> str:
    """Highest robust accuracy of each label set, which are not comparable; or that none has any.

    Args:
        run: a finished run.
        headline: the threat.
        robust: figures by model.
        ranked: end of a sentence that says of which models it speaks; empty for all of the chart.
    """
    rankings = run_rankings(run)
    sound = [model for model in robust if model not in rankings[run.own_label_set(model)].void]
    if not sound:
        return "Every model failed a check that its figures need"
    best: dict[str, str] = {}
    for model in sorted(sound, key=lambda model: -robust[model].value):
        best.setdefault(run.own_label_set(model), model)
    highest = max((robust[model] for model in best.values()), key=lambda figure: figure.value)
    if highest.value == 0:
        if len(sound) == len(run.models):
            return f"At {headline.text} every model's robust accuracy is {highest.text}"
        return (
            f"At {headline.text} the robust accuracy of every model that has a rank is "
            f"{highest.text}"
        )
    if highest.value < 0.05:
        return (
            f"No robust accuracy at {headline.text} above {highest.text}, "
            f"whatever the clean accuracy{ranked}"
        )
    parts = [
        f"{at_most(run, model, robust[model].value)}{robust[model].text} under "
        f"{label_set_name(labels)} labels" + f" ({model})" * (robust[model].value > 0)
        for labels, model in sorted(best.items())
    ]
    return f"Highest robust accuracy at {headline.text}: {listing(parts)}{ranked}"


def _curve_title(rows: pd.DataFrame, norm: str) -> str:
    at = Headline(norm, headline_eps(rows["eps"].tolist(), norm))
    if not at.eps:
        return "no attack has a figure"
    there = pick(rows, eps=at.eps)
    robust = there.loc[there["perturbation"] == WORST_CASE, "value"].dropna()
    noise = there.loc[there["perturbation"] == "noise", "value"].dropna()
    if robust.empty:
        return f"no attack at {at.text} has a figure"
    text = f"at {at.text}, {share_range(robust)} of faces are still classified correctly"
    if noise.empty:
        return text
    return f"{text}; under random noise of that size, {share_range(noise)}"
