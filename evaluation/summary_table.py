"""The table a run ends with: clean and worst-case robust accuracy of each model and label set."""

import io
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from attacks.threat_model import format_eps


def summary_table(results: pd.DataFrame, eps: tuple[float, ...]) -> str:
    """Render the table as text.

    Args:
        results: rows of `results.parquet`.
        eps: grid of the attacks.

    Returns:
        Lines of at most 160 characters, accuracies in percent with 95 % intervals.
    """
    rows = results[results.subset == "all"]
    clean = rows[(rows.perturbation == "none") & (rows.metric == "accuracy")]
    worst = rows[(rows.perturbation == "worst_case") & (rows.metric == "robust_accuracy")]
    table = Table(
        title="Accuracy, % (95 % interval): clean, and what stands the worst case of all attacks"
    )
    for name in ("model", "labels", "faces", "clean", *(f"at {format_eps(e)}" for e in eps)):
        table.add_column(name, justify="left" if name in ("model", "labels") else "right")
    for row in clean.itertuples():
        attacked = worst[(worst.model == row.model) & (worst.label_set == row.label_set)]
        table.add_row(
            row.model,
            row.label_set,
            str(row.n),
            _percent(row),
            *(_percent(line) for line in attacked.sort_values("eps").itertuples()),
        )
    console = Console(width=160, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()


def _percent(row: Any) -> str:
    flag = "" if row.status == "ok" else " !"
    return f"{100 * row.value:.1f} ({100 * row.ci_low:.1f}-{100 * row.ci_high:.1f}){flag}"
