"""Leaderboards over several runs: models ranked where they met the same attacks on the same faces.

Rules: R17, R18 (worst case, interval, paired test with Holm's correction).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.threat_model import format_eps
from datasets.base.errors import InputError
from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.comparisons import compare_models
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import black_boxes, crashed, headline_eps, rankable
from evaluation.statistics.ranks import rank_ranges

BOARD_COLUMNS: dict[str, str] = {
    "board": "int64",
    "data": "string",
    "split": "string",
    "faces_sha256": "string",
    "attacks": "string",
    "label_set": "string",
    "norm": "string",
    "eps": "float64",
    "best_rank": "Int64",
    "worst_rank": "Int64",
    "model": "string",
    "run": "string",
    "n": "int64",
    "accuracy": "float64",
    "accuracy_low": "float64",
    "accuracy_high": "float64",
    "robust_accuracy": "float64",
    "robust_accuracy_low": "float64",
    "robust_accuracy_high": "float64",
    "upper_bound": "bool",
    "status": "string",
}
"""Columns of leaderboards; rows of one `board` are comparable. Ranks: the best and the worst that
paired tests leave open; none to an upper bound among real figures, or where an attack crashed."""


@dataclass(frozen=True)
class Entry:
    """A model in one run."""

    run: FinishedRun
    model: str
    label_set: LabelSet

    @property
    def weights(self) -> str:
        """Sha256 of its weights."""
        return str(self.run.manifest["models"][self.model]["weights_sha256"])

    @property
    def is_bounded(self) -> bool:
        """Whether it gives no gradients, so that its robust accuracy is an upper bound."""
        return self.model in black_boxes(self.run.results)

    @property
    def is_whole(self) -> bool:
        """Whether its worst case is over all attacks of its run."""
        return self.model not in crashed(self.run.results)


def find_runs(folder: Path) -> tuple[list[FinishedRun], list[str]]:
    """Finished runs in a folder, oldest first, and a note on each that cannot be read.

    Raises:
        InputError: there is none.
    """
    runs, notes = [], []
    for path in sorted(folder.glob("*/manifest.json")):
        run = FinishedRun(path.parent)
        try:
            _ = run.config, run.per_image
            _check_models(run)
            runs.append(run)
        except InputError as error:
            notes.append(f"left out: {error}")
    if not runs:
        raise InputError(
            f"{folder}: expected folders of finished runs, found "
            f"{f'none that can be read ({notes[0]})' if notes else 'none'}. "
            "Name the folder that holds them, such as runs."
        )
    return sorted(runs, key=lambda run: str(run.manifest["started"])), notes


def _check_models(run: FinishedRun) -> None:
    """Refuse a run whose figures are of other models than its manifest names."""
    clean = run.results[(run.results.perturbation == "none") & (run.results.metric == "accuracy")]
    if missing := sorted(set(run.schemes) - set(clean.model)):
        raise InputError(
            f"{run.folder}: expected the accuracy of {missing[0]} in results.parquet, found none. "
            f"Rebuild it: python -m evaluation.rescore {run.folder}"
        )


def leaderboards(runs: list[FinishedRun]) -> pd.DataFrame:
    """Rank all models under their own labels, one board for each data, attacks and labels.

    A model with the same weights in several runs of a board counts once, in the newest.

    Args:
        runs: oldest first.

    Returns:
        Columns of `BOARD_COLUMNS`; rows of a board stand together, most robust first.
    """
    boards: dict[tuple, dict[tuple[str, str], Entry]] = {}
    for run in runs:
        for entry in _entries(run):
            board = boards.setdefault(_board(entry), {})
            board[entry.model, entry.weights] = entry
    rows = [
        {"board": number, **row}
        for number, board in enumerate(boards.values(), start=1)
        for row in _rows(list(board.values()))
    ]
    return pd.DataFrame(rows, columns=list(BOARD_COLUMNS)).astype(BOARD_COLUMNS)


def _entries(run: FinishedRun) -> Iterator[Entry]:
    for model in run.measured:
        own = run.manifest["models"][model]["label_set"]
        scored = run.config.labels
        yield Entry(run, model, own if own in scored else scored[0])


def _attacks(run: FinishedRun) -> str:
    """Attacks with their options, as text: `noise, pgd steps=10`."""
    words = []
    for attack in run.config.attacks:
        settings = attack.model_dump(exclude_defaults=True)
        name = settings.pop("name")
        words.append(" ".join([name, *(f"{key}={value}" for key, value in settings.items())]))
    return ", ".join(words)


def _board(entry: Entry) -> tuple:
    run = entry.run
    grid = tuple(map(format_eps, run.config.eps))
    return (
        run.manifest["data"]["sha256"],
        _attacks(run),
        run.config.norm,
        grid,
        entry.label_set,
    )


def _rows(entries: list[Entry]) -> list[dict[str, Any]]:
    config = entries[0].run.config
    eps = headline_eps(config.eps, config.norm) if config.attacks else 0.0
    named = dict(zip(_names(entries), entries, strict=True))
    bounded = {name for name, entry in named.items() if entry.is_bounded}
    broken = {name for name, entry in named.items() if not entry.is_whole}
    rivals = {name: named[name] for name in rankable(named, bounded, broken)}
    ranges = _ranges(rivals, eps)
    rows = []
    for name, entry in named.items():
        best, worst = ranges.get(name, (None, None))
        rows.append({**_figures(entry, eps), "best_rank": best, "worst_rank": worst})
    key = "robust_accuracy" if eps else "accuracy"
    return sorted(
        rows,
        key=lambda row: (row["upper_bound"], -np.nan_to_num(row[key], nan=-1), -row["accuracy"]),
    )


def _names(entries: list[Entry]) -> list[str]:
    """One name each: several weights of a model are told apart by their run."""
    models = [entry.model for entry in entries]
    return [
        model if models.count(model) == 1 else f"{model} in {entry.run.folder}"
        for model, entry in zip(models, entries, strict=True)
    ]


def _ranges(entries: dict[str, Entry], eps: float) -> dict[str, tuple[int, int]]:
    if not entries:
        return {}
    first = next(iter(entries.values()))
    schemes: dict[str, LabelScheme] = {}
    parts = []
    for name, entry in entries.items():
        lines = entry.run.per_image
        parts.append(lines[lines.model == entry.model].assign(model=name))
        schemes[name] = entry.run.schemes[entry.model]
    grid = (eps,) if eps else ()
    pairs = compare_models(
        pd.concat(parts), schemes, (first.label_set,), first.run.config.norm, grid
    )
    return rank_ranges(pairs[np.isclose(pairs.eps, eps)], list(entries))


def _figures(entry: Entry, eps: float) -> dict[str, Any]:
    run, config = entry.run, entry.run.config
    results = run.results
    own = results[
        (results.model == entry.model)
        & (results.label_set == entry.label_set)
        & (results.subset == "all")
    ]
    clean = own[(own.perturbation == "none") & (own.metric == "accuracy")]
    robust = own[
        (own.perturbation == WORST_CASE)
        & (own.metric == "robust_accuracy")
        & (own.attacked_labels == entry.label_set)
        & np.isclose(own.eps, eps)
    ]
    crashed = own[own.status == "error"]
    statuses = {*clean.status, *robust.status} - {"ok"} | ({"flagged"} if len(crashed) else set())
    return {
        "data": run.manifest["data"]["name"],
        "split": run.manifest["data"]["split"],
        "faces_sha256": run.manifest["data"]["sha256"],
        "attacks": _attacks(run),
        "label_set": entry.label_set,
        "norm": config.norm if eps else "",
        "eps": eps,
        "model": entry.model,
        "run": str(run.folder),
        "n": int(clean.n.iloc[0]),
        **_interval("accuracy", clean),
        **_interval("robust_accuracy", robust),
        "upper_bound": entry.is_bounded,
        "status": "flagged" if statuses else "ok",
    }


def _interval(name: str, rows: pd.DataFrame) -> dict[str, float]:
    values = rows[["value", "ci_low", "ci_high"]].to_numpy(np.float64)
    found = values[0] if len(values) else np.full(3, np.nan)
    return dict(zip((name, f"{name}_low", f"{name}_high"), map(float, found), strict=True))
