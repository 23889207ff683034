"""A comparison of runs as text for the terminal, and as a csv or Markdown file."""

from pathlib import Path
from typing import Any

import pandas as pd

from attacks.threat_model import format_eps
from datasets.base.percentages import in_percent, rounded, share_in_percent
from evaluation.comparing.changes import Changes
from evaluation.metrics.metric import Unit
from evaluation.metrics.table import METRICS
from evaluation.results.schema import WORST_CASE
from evaluation.text_table import FLAG, markdown_table, text_table, write_csv_or_markdown

_HEAD = (
    *("run", "model", "labels", "images", "metric"),
    *("before", "after", "difference", "n", "p (Holm)"),
)
_LEFT = 5
_MARKS = "* significant (McNemar, Holm's p < .05), ! flagged in a run"


def summary(changes: Changes) -> str:
    """Clean and worst-case accuracies as text, then the notes."""
    shown = _headline(changes.table)
    title = f"Changes, % and points (95 % interval); {_MARKS}"
    text = text_table(title, _HEAD, _cells(shown), left=_LEFT) if len(shown) else "Nothing compared"
    return "\n".join([text, *changes.notes])


def markdown_summary(changes: Changes) -> str:
    """The same as Markdown: a table, and a list of the notes."""
    shown = _headline(changes.table)
    table = _markdown(shown) if len(shown) else "Nothing compared."
    return "\n".join([table, "", *(f"- {note}" for note in changes.notes)]).rstrip()


def write_changes(changes: Changes, path: Path) -> None:
    """Write every row, as `.csv`, or as `.md` with the notes below."""
    table = changes.table
    lines = [_markdown(table), ""]
    lines += [f"- {note}" for note in changes.notes]
    write_csv_or_markdown(table, "\n".join(lines).rstrip() + "\n", path)


def _markdown(table: pd.DataFrame) -> str:
    """The rows, and below them what their marks mean, if they have any."""
    cells = _cells(table)
    marked = any(cell.endswith((" *", FLAG)) for row in cells for cell in row)
    text = markdown_table(_HEAD, cells, left=_LEFT)
    return f"{text}\n\nMarks: {_MARKS}." if marked else text


def _headline(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of clean and worst-case accuracies."""
    accuracy = table.metric.isin(["accuracy", "robust_accuracy"])
    return table[accuracy & table.perturbation.isin(["none", WORST_CASE])]


def _cells(table: pd.DataFrame) -> list[list[str]]:
    return [_row(row) for row in table.itertuples()]


def _row(row: Any) -> list[str]:
    plain = METRICS[row.metric].unit is not Unit.SHARE

    def change(value: float) -> str:
        return rounded(value, 3, signed=True) if plain else points(value)

    before, after = (
        rounded(value, 3) if plain else share_in_percent(value, 1)
        for value in (row.before, row.after)
    )
    gap, low, high = map(change, (row.difference, row.ci_low, row.ci_high))
    ends = "" if pd.isna(row.ci_low) else f" ({low} to {high})"
    star = " *" if row.changed is not pd.NA and row.changed else ""
    flag = "" if row.status == "ok" else FLAG
    return [
        Path(row.run).name,
        row.model,
        row.label_set,
        images_of(row),
        row.metric.replace("_", " "),
        before,
        after,
        f"{gap}{ends}{star}{flag}",
        str(row.n),
        "" if pd.isna(row.p_holm) else p_text(row.p_holm),
    ]


def p_text(p_value: float) -> str:
    """A p-value with three decimals, `<.001` where they would be 0."""
    return "<.001" if p_value < 0.001 else f"{p_value:.3f}"


def points(difference: float) -> str:
    """A difference of shares in points, such as `-3.5`."""
    return in_percent(difference, 1, signed=True)


def images_of(row: Any) -> str:
    """What was done to the images: `clean`, `jpeg 3`, `pgd linf 4/255`."""
    if row.perturbation == "none":
        return "clean"
    name = row.perturbation.replace("_", " ")
    if row.norm:
        return f"{name} {row.norm} {format_eps(row.eps)}"
    return name if pd.isna(row.severity) else f"{name} {row.severity}"
