"""Attack by model, and the transfer matrix: source by target."""

from functools import partial

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import (
    Headline,
    attacks,
    clean_accuracy,
    pick,
    robust_accuracy,
)
from reports.charts.attack_matrix import FLAG, attack_matrix
from reports.charts.drawing import PHONE, Chart, Panel, drawing, faces_counted, share_range
from reports.sections.attacks_run import mixed_note
from reports.sections.figures import SIGN_WORDS, ranked
from reports.table import figures_table
from reports.words.attacks import attack_title
from reports.words.text import eps_text, label_set_name, limit_name, percent

_COLUMN, _ROW = 44, 30
"""Pixels of a cell."""


def attack_matrix_charts(run: FinishedRun, headline: Headline | None) -> list[Chart]:
    """Robust accuracy of each model under each attack, one chart per label set."""
    if headline is None:
        return []
    charts = []
    for label_set in run.label_sets:
        models = [name for name in ranked(run) if name in run.models_of(label_set)]
        parts = ["noise", *attacks(run.results, headline.norm), WORST_CASE]
        found = [pick(clean_accuracy(run.results, label_set), model=models)]
        for part in parts:
            rows = robust_accuracy(run.results, label_set, headline.norm, part)
            found.append(pick(rows, model=models, eps=headline.eps))
        rows = pd.concat(found)
        rows = rows[rows["value"].notna()]
        columns = [part for part in ["none", *parts] if part in set(rows["perturbation"])]
        if len(columns) < 2:
            continue
        limited = run.black_boxes
        shares, marks = _matrix(rows, "model", "perturbation", models, columns)
        names = [limit_name(model, limited) for model in models]
        shares.index = marks.index = pd.Index(names)
        title_of = partial(attack_title, run.manifest)
        heads = [title_of(part) for part in columns]
        shares.columns = marks.columns = pd.Index(heads)
        labels = label_set_name(label_set)
        title = f"{labels} labels: {_strongest(run, rows, parts[1:-1], headline)}"
        caption = (
            f"Percentage of faces classified correctly at {headline.text}, clean and under each "
            "attack alone; the worst case counts a face as broken as soon as one attack breaks "
            f"it. {faces_counted(rows)}: attacks that ran on different faces are not comparable. "
            f"{FLAG}: {SIGN_WORDS['flagged']}."
            f"{mixed_note(run, models, headline.norm)}"
        )
        panel = _panel(f"attacks-{label_set}", title, shares, marks, "mako", ("", ""))
        shown = rows.assign(perturbation=[title_of(name) for name in rows["perturbation"]])
        keys = {"model": "model", "perturbation": "attack"}
        table = figures_table(f"attacks-{label_set}", rows, keys, shown)
        charts.append(Chart(f"attacks-{label_set}", title, caption, [panel], table))
    return charts


def transfer_charts(run: FinishedRun) -> list[Chart]:
    """Attack success by the model an attack was made on and the model it is tried on.

    One chart per label set that was attacked; none if the run has only one model.
    """
    charts = []
    rows = pick(run.results, metric="transfer_success_rate", subset="all")
    for label_set in run.label_sets:
        of_set = pick(rows, label_set=label_set, attacked_labels=label_set)
        of_set = of_set[of_set["value"].notna()]
        sources = [name for name in run.models if name in set(of_set["source"])]
        targets = [name for name in run.models if name in set(of_set["model"])]
        if not sources or len(targets) < 2:
            continue
        shares, marks = _matrix(of_set, "source", "model", sources, targets)
        eps, norm = float(of_set["eps"].iloc[0]), str(of_set["norm"].iloc[0])
        title = f"{label_set_name(label_set)} labels: {_carried(of_set)}"
        attack = attack_title(run.manifest, str(of_set["perturbation"].iloc[0]))
        caption = (
            "Of the faces that the model in the column classifies correctly, the percentage that "
            f"the {attack} attack breaks at {eps_text(eps, norm)} when it is made on the model in "
            f"the row; on the diagonal both are the same. {faces_counted(of_set)}. The attack is "
            "built to transfer and need not be the strongest against its own source."
        )
        name = f"transfer-{label_set}"
        panel = _panel(name, title, shares, marks, "rocket", ("tried on", "made on"))
        keys = {"source": "made on", "model": "tried on"}
        table = figures_table(name, of_set, keys, of_set)
        charts.append(Chart(name, title, caption, [panel], table))
    return charts


def _matrix(
    rows: pd.DataFrame, index: str, columns: str, lines: list[str], heads: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pivot values into a table of shares, and which of them are flagged."""
    flagged = rows.assign(flagged=(rows["status"] == "flagged").astype(float))
    shares, marks = (
        flagged.pivot_table(index=index, columns=columns, values=value, aggfunc="max")
        .reindex(index=lines, columns=heads)
        .astype(float)
        for value in ("value", "flagged")
    )
    return shares, marks.fillna(0).astype(bool)


def _panel(
    name: str,
    title: str,
    shares: pd.DataFrame,
    marks: pd.DataFrame,
    colours: str,
    axes: tuple[str, str],
) -> Panel:
    """Draw the matrix as wide as its columns need; a narrow page scrolls it sideways."""
    longest = max(len(str(head)) for head in shares.columns)
    side = 16 + 7.4 * max(len(str(line)) for line in shares.index) + (18 if axes[1] else 0)
    bottom = 22 + 4.9 * longest + (18 if axes[0] else 0)
    width = max(PHONE, round(side + _COLUMN * len(shares.columns) + 12))
    alt = f"{title}. Heat map of {len(shares)} by {len(shares.columns)} cells; table below."
    svg = drawing(
        name,
        alt,
        (width, round(bottom + 6 + _ROW * len(shares))),
        (round(side), 12, round(bottom), 6),
        partial(attack_matrix, shares, marks=marks, colours=colours, across=axes[0], down=axes[1]),
        "scrolls" if width > PHONE else "",
    )
    return Panel("", [svg])


def _strongest(run: FinishedRun, rows: pd.DataFrame, parts: list[str], headline: Headline) -> str:
    """Name the attack with the lowest mean robust accuracy over the models.

    Of attacks that ran on different models or faces only those with the most are compared.
    """
    attacked = pick(rows, perturbation=parts).groupby("perturbation")
    if not len(attacked):
        return f"robust accuracy under each attack at {headline.text}"
    counts = attacked["n"].sum()
    means = attacked["value"].mean()[counts == counts.max()]
    name = str(means.idxmin())
    found = pick(rows, perturbation=name)
    left, attack = share_range(found["value"]), attack_title(run.manifest, name)
    ran, models = found["model"].nunique(), rows["model"].nunique()
    which = f", on {ran} of {models} models" if ran < models else ""
    return f"at {headline.text}, {attack} alone leaves {left} of faces classified correctly{which}"


def _carried(rows: pd.DataFrame) -> str:
    own = rows.loc[rows["source"] == rows["model"], "value"]
    other = rows.loc[rows["source"] != rows["model"], "value"]
    share = percent(float(other.median()), 0, 1)
    text = (
        f"an attack made on one model breaks {share} of the faces that another classifies "
        "correctly (median over pairs)"
    )
    if own.empty:
        return text
    return f"{text}, and {percent(float(own.median()), 0, 1)} of its own model's (median)"
