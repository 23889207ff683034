"""What a run of a case found: flags, figures and the words of its page."""

import html
import re
from pathlib import Path

import numpy as np
import pandas as pd


def flags(run: Path, model: str) -> dict[tuple[str, str], str]:
    """Rule and check of each row of a model that is not ok, and its words."""
    table = pd.read_parquet(run / "checks.parquet")
    rows = table[(table.model == model) & (table.status != "ok")]
    return {(row.rule, row.check): row.message for row in rows.itertuples()}


def figures(run: Path, metric: str) -> pd.DataFrame:
    """Rows of a metric over all faces."""
    table = pd.read_csv(run / "results.csv", keep_default_na=False, na_values={"value": [""]})
    for name in ("value", "ci_low", "ci_high"):
        table[name] = pd.to_numeric(table[name])
    return table[(table.metric == metric) & (table.subset == "all")]


def page(run: Path) -> str:
    """The words of a page, each space a plain one."""
    text = (run / "index.html").read_text()
    text = re.sub(r"<(script|style|svg).*?</\1>", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def accuracy(run: Path, model: str, eps: float = 0.0) -> float:
    """Clean accuracy in percent, or that in the worst case at an eps."""
    table = pd.read_csv(run / "results.csv", keep_default_na=False)
    metric = "robust_accuracy" if eps else "accuracy"
    rows = table[(table.model == model) & (table.metric == metric) & (table.subset == "all")]
    rows = rows[rows.detail == ""]
    if eps:
        rows = rows[(rows.perturbation == "worst_case") & np.isclose(rows.eps.astype(float), eps)]
    else:
        rows = rows[rows.perturbation == "none"]
    assert len(rows) == 1, rows
    return 100 * float(rows.value.iloc[0])
