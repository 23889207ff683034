"""Leaderboards over several runs: models compared under the same attacks on the same faces.

Not here: how the models of one board are ranked (`evaluation/comparing/ranking.py`).
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.threat_model import format_eps
from datasets.base.errors import InputError
from datasets.labels import LabelSet
from evaluation.comparing.ranking import Entry, image_scores, rank_models
from evaluation.config import RunConfig
from evaluation.figures.outcomes import right_clean
from evaluation.results.image_rows import Kind
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import headline, headline_eps, pick

BOARD_COLUMNS: dict[str, str] = {
    "board": "int64",
    "data": "string",
    "split": "string",
    "faces_sha256": "string",
    "attacks": "string",
    "attack_version": "Int64",
    "label_set": "string",
    "norm": "string",
    "eps": "float64",
    "best_rank": "Int64",
    "worst_rank": "Int64",
    "model": "string",
    "run": "string",
    "n": "int64",
    "groups": "Int64",
    "accuracy": "float64",
    "accuracy_low": "float64",
    "accuracy_high": "float64",
    "accuracy_status": "string",
    "robust_accuracy": "float64",
    "robust_accuracy_low": "float64",
    "robust_accuracy_high": "float64",
    "robust_accuracy_status": "string",
    "curve_area": "float64",
    "curve_area_low": "float64",
    "curve_area_high": "float64",
    "curve_area_status": "string",
    "upper_bound": "bool",
    "surrogates": "string",
    "provisional": "bool",
    "status": "string",
}
"""Columns of leaderboards; rows of one `board` are comparable. `attack_version` is missing in older
runs. The ranks are the best and the worst that the tests of `rank_models` leave open, by
`curve_area`, the mean robust accuracy up to `eps`. A `provisional` rank may be too good: a check of
the attack failed, such as R6. `surrogates` are the models that made images for one without
gradients, with the beginning of their weights' hash as far as the run tells it; empty for others.
Upper bounds with other surrogates are not comparable, and have no rank."""


def find_runs(folder: Path) -> tuple[list[FinishedRun], list[str]]:
    """Finished runs in a folder, oldest first, and a note on each that cannot be read.

    Raises:
        InputError: there is none.
    """
    runs, notes = [], []
    for path in sorted(folder.glob("*/manifest.json")):
        run = FinishedRun(path.parent)
        try:
            _check_models(run)
            _read_all(run)
            runs.append(run)
        except InputError as error:
            notes.append(f"left out: {error}")
    if not runs:
        raise InputError(
            f"{folder}: expected folders of finished runs, found "
            f"{f'none that can be read ({notes[0]})' if notes else 'none'}. "
            "Name the folder that holds them, such as runs."
        )
    return sorted(runs, key=lambda run: datetime.fromisoformat(run.manifest["started"])), notes


def _check_models(run: FinishedRun) -> None:
    """Refuse a run whose figures do not belong to the models in its manifest."""
    clean = run.results[(run.results.perturbation == "none") & (run.results.metric == "accuracy")]
    if missing := sorted(set(run.schemes) - set(clean.model)):
        raise InputError(
            f"{run.folder}: expected the accuracy of {missing[0]} in results.parquet, found none. "
            f"Rebuild it: python -m evaluation.rescore {run.folder}"
        )


def _read_all(run: FinishedRun) -> None:
    """Read once what boards need of a run, so that a damaged one is noticed before they are made.

    Raises:
        InputError: a file is missing or damaged.
    """
    _ = run.config, run.checks, run.images.faces, run.fingerprints
    top = headline(run.results)
    for entry in _entries(run):
        image_scores(entry, top)
        _groups(entry)


def leaderboards(runs: list[FinishedRun]) -> pd.DataFrame:
    """Rank all models under their own labels, one board per data, attacks, norm, grid and labels.

    A model with the same weights in several runs of a board counts once, in the newest.

    Args:
        runs: oldest first.

    Returns:
        Columns of `BOARD_COLUMNS`, board by board, best rank first.
    """
    boards: dict[tuple, list[Entry]] = {}
    for run in runs:
        for entry in _entries(run):
            board = boards.setdefault(_board(entry), [])
            same = [place for place, older in enumerate(board) if _is_same(older, entry)]
            for place in same:
                board[place] = entry
            board += [entry] * (not same)
    rows = [
        {"board": number, **row}
        for number, board in enumerate(boards.values(), start=1)
        for row in _rows(board)
    ]
    return pd.DataFrame(rows, columns=list(BOARD_COLUMNS)).astype(BOARD_COLUMNS)


def _is_same(older: Entry, entry: Entry) -> bool:
    return older.model == entry.model and older.run.is_same_model(entry.model, entry.run)


def _entries(run: FinishedRun) -> Iterator[Entry]:
    for model in run.measured:
        own = run.manifest["models"][model]["label_set"]
        scored = run.config.labels
        yield Entry(run, model, own if own in scored else scored[0])


def attack_texts(config: RunConfig) -> list[str]:
    """Attacks of a run with their options, as text: `pgd steps=10 headline_only=linf+l2`."""
    words = []
    for attack in config.attacks:
        settings = attack.model_dump(exclude_defaults=True)
        if norms := settings.get("headline_only"):
            settings["headline_only"] = "+".join(norms)
        name = settings.pop("name")
        words.append(" ".join([name, *(f"{key}={value}" for key, value in settings.items())]))
    return words


def _board(entry: Entry) -> tuple:
    run = entry.run
    grid = tuple(map(format_eps, run.config.eps))
    return (
        run.manifest["data"]["sha256"],
        ", ".join(attack_texts(run.config)),
        run.manifest.get("code_version"),
        run.config.norm,
        grid,
        entry.label_set,
    )


def _rows(entries: list[Entry]) -> list[dict[str, Any]]:
    config = entries[0].run.config
    eps = headline_eps(config.eps, config.norm) if config.attacks else 0.0
    named = dict(zip(_names(entries), entries, strict=True))
    ranking = rank_models(named)
    rows = []
    for name in ranking.order:
        best, worst = ranking.ranges.get(name, (None, None))
        ranks = {"best_rank": best, "worst_rank": worst, "provisional": name in ranking.provisional}
        rows.append({**_figures(named[name], eps), **ranks})
    return rows


def _names(entries: list[Entry]) -> list[str]:
    """One name per entry; the run tells several weights of a model apart."""
    models = [entry.model for entry in entries]
    return [
        model if models.count(model) == 1 else f"{model} in {entry.run.folder}"
        for model, entry in zip(models, entries, strict=True)
    ]


def _figures(entry: Entry, eps: float) -> dict[str, Any]:
    run, config = entry.run, entry.run.config
    own = pick(run.results, model=entry.model, label_set=entry.label_set, subset="all")
    clean = pick(own, perturbation="none", metric="accuracy")
    worst = pick(own, perturbation=WORST_CASE, attacked_labels=entry.label_set, eps=eps)
    robust = pick(worst, metric="robust_accuracy")
    area = pick(worst, metric="security_curve_area")
    sound = {*clean.status, *robust.status, *area.status} <= {"ok"} and "error" not in {*own.status}
    return {
        "data": run.manifest["data"]["name"],
        "split": run.manifest["data"]["split"],
        "faces_sha256": run.manifest["data"]["sha256"],
        "attacks": ", ".join(attack_texts(run.config)),
        "attack_version": run.manifest.get("code_version", pd.NA),
        "label_set": run.label_name(entry.label_set),
        "norm": config.norm if eps else "",
        "eps": eps,
        "model": entry.model,
        "run": str(run.folder),
        "n": int(clean.n.iloc[0]),
        "groups": _groups(entry),
        **_figure("accuracy", clean),
        **_figure("robust_accuracy", robust),
        **_figure("curve_area", area),
        "upper_bound": entry.is_upper_bound,
        "surrogates": ", ".join(entry.surrogates),
        "status": "ok" if sound else "flagged",
    }


def _groups(entry: Entry) -> Any:
    """Number of distinct faces among the scored ones; missing where duplicates are not known."""
    columns = ["row", "perturbation", "prediction", entry.label_set, "group"]
    rows = entry.run.images.pick(columns, model=entry.model, kinds=[Kind.CLEAN])
    scored = right_clean(rows, entry.run.schemes[entry.model], LabelSet(entry.label_set)).index
    groups = rows.set_index("row")["group"].loc[scored]
    return pd.NA if groups.isna().any() else groups.nunique()


def _figure(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    """The figure in the first of some result rows, in four columns; no figure where there is none.

    Args:
        name: of the first column.
        rows: result rows.
    """
    values = rows[["value", "ci_low", "ci_high"]].to_numpy(np.float64)
    found = values[0] if len(values) else np.full(3, np.nan)
    columns = dict(zip((name, f"{name}_low", f"{name}_high"), map(float, found), strict=True))
    return columns | {f"{name}_status": str(rows.status.iloc[0]) if len(rows) else ""}
