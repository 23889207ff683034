"""Tables as text, for a terminal or a Markdown file."""

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from datasets.base.atomic import atomic

WIDTH = 160
FLAG = " !"
"""Stands behind a flagged figure."""
FLAG_MEANS = (
    "! a reliability check of this figure or rank failed or could not be made: see the run's report"
)
"""Printed below a table that has a `FLAG`."""
BOUND = "<= "
"""Stands before a robust accuracy that is an upper bound, because the model gives no gradients."""
BOUND_MEANS = (
    "<= an upper bound: the model gives no gradients, and an attack with them may break more"
)
"""Printed below a table that has a `BOUND`."""


def text_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Return a table as lines of at most `WIDTH` characters.

    Args:
        title: printed above the table.
        head: names of the columns.
        rows: cells.
        left: number of first columns that hold words; the others hold numbers, aligned right.
    """
    table = Table(title=title)
    for index, name in enumerate(head):
        table.add_column(name, justify="left" if index < left else "right")
    for row in rows:
        table.add_row(*row)
    console = Console(width=WIDTH, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(table, markup=False)
    return capture.get().rstrip()


def flag_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """What `FLAG` means, if a cell ends with it, else nothing."""
    return [FLAG_MEANS] if any(cell.endswith(FLAG) for row in rows for cell in row) else []


def bound_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """What `BOUND` means, if a cell begins with it, else nothing."""
    return [BOUND_MEANS] if any(cell.startswith(BOUND) for row in rows for cell in row) else []


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Return a Markdown table without a title; arguments as in `text_table`."""
    rule = ["---" if index < left else "---:" for index in range(len(head))]
    lines = (" | ".join(_escaped(cells)) for cells in (head, rule, *rows))
    return "\n".join(f"| {line} |" for line in lines)


def write_csv_or_markdown(table: pd.DataFrame, markdown: str, path: Path) -> None:
    """Write the table to a `.csv` file, or the Markdown to any other file, atomically."""
    with atomic(path) as unfinished:
        if path.suffix == ".csv":
            table.to_csv(unfinished, index=False, float_format="%.10g", lineterminator="\n")
        else:
            unfinished.write_text(markdown, encoding="utf-8")


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]
