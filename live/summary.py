"""Summarise a recorded session or a clip for its summary page.

Not here: recording (`live/recording.py`), rows of clips (`live/video/rows.py`), and drawing
(`live/server/templates/summary.html`).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import FER7, FERPLUS8, NO_LABEL, translate
from live.attack_columns import AttackColumns

FER2013_TRAINING = dict(zip(FER7.classes, (3995, 436, 4097, 7215, 4830, 3171, 4965)))
"""Number of images of each class in FER2013's Training split, 28,709 in total."""
Shares = tuple[float | None, ...]
MOST_BINS = 60
FINEST = 1.0
"""Shortest time interval of shares over time, in seconds."""


@dataclass(frozen=True)
class ClassSummary:
    """One class over a session.

    Attributes:
        name: class name.
        share: share of all predictions on clean faces, 0 to 1.
        attacked_share: share of all predictions on attacked faces; None without any.
        fer2013: share in FER2013's Training split; None if it has no such class.
        over_time: share in each time interval, first to last; None where nothing was predicted.
        attacked_over_time: the same of predictions on attacked faces; None without any.
    """

    name: str
    share: float
    attacked_share: float | None
    fer2013: float | None
    over_time: Shares
    attacked_over_time: Shares | None


@dataclass(frozen=True)
class AttackSummary:
    """One attack of a session, with one eps or severity, number of steps and target.

    Attributes:
        words: the attack, named.
        rows: faces attacked with it in all frames together.
        flipped: those of them whose prediction changed.
    """

    words: str
    rows: int
    flipped: int


@dataclass(frozen=True)
class Summary:
    """Figures of a session.

    Attributes:
        start: seconds at the first prediction.
        seconds: from the first prediction to the last.
        frames: frames with a face.
        people: number of tracks.
        rows: faces classified in all frames together.
        model: model used last; rows of other models are left out.
        left_out: number of rows of each other model.
        dominant: most frequent class.
        attacks: each attack, the first first.
        classes: in the order of the model's classes.
    """

    start: float
    seconds: float
    frames: int
    people: int
    rows: int
    model: str
    left_out: dict[str, int]
    dominant: str
    attacks: tuple[AttackSummary, ...]
    classes: tuple[ClassSummary, ...]


def summarise(table: pd.DataFrame, finest: float = FINEST) -> Summary | None:
    """Summarise a table as of `Recording.table`; None if it has no rows.

    Args:
        table: rows.
        finest: see `shares_over_time`.
    """
    if table.empty:
        return None
    rows = _of_last_model(table)
    seconds = rows["seconds"].to_numpy()
    labels = rows["label"].to_numpy(str)
    hit = (rows["attack"] != "").to_numpy()
    after = rows["attacked_label"].to_numpy(str)[hit]
    over_time = shares_over_time(table, finest)
    names = _classes(rows)
    known = _fer2013_shares(names)
    classes = tuple(
        ClassSummary(
            name,
            float((labels == name).mean()),
            float((after == name).mean()) if len(after) else None,
            known[name],
            _shares(over_time[name]),
            _shares(over_time[f"attacked_{name}"]) if len(after) else None,
        )
        for name in names
    )
    return Summary(
        start=float(seconds.min()),
        seconds=float(seconds.max() - seconds.min()),
        frames=int(rows["frame"].nunique()),
        people=int(rows["face"].nunique()),
        rows=len(rows),
        model=str(rows["model"].iloc[-1]),
        left_out=dict(table["model"].value_counts().drop(rows["model"].iloc[-1])),
        dominant=max(classes, key=lambda entry: entry.share).name,
        attacks=_attacks(rows[hit]),
        classes=classes,
    )


def _attacks(attacked: pd.DataFrame) -> tuple[AttackSummary, ...]:
    """One entry per attack and its settings."""
    groups = attacked.groupby(list(AttackColumns._fields), sort=False, dropna=False)
    return tuple(
        AttackSummary(_named(key).words, len(rows), int(rows["flipped"].to_numpy(bool).sum()))
        for key, rows in groups
    )


def _named(key: Any) -> AttackColumns:
    """The columns of a group; what is missing in a table may be NaN or NA."""
    attack, eps, severity, steps, target = (None if pd.isna(value) else value for value in key)
    return AttackColumns(
        str(attack),
        math.nan if eps is None else float(eps),
        None if severity is None else int(severity),
        None if steps is None else int(steps),
        target or "",
    )


def _shares(column: pd.Series) -> Shares:
    return tuple(None if math.isnan(share) else share for share in column)


def shares_over_time(table: pd.DataFrame, finest: float) -> pd.DataFrame:
    """Share of each class among the predictions of each time interval.

    Args:
        table: rows as of `Recording.table`, at least one.
        finest: shortest interval in seconds; there are at most `MOST_BINS`.

    Returns:
        Columns `from_seconds`, `to_seconds`, `predictions`, one per class, and `attacked_<class>`
        if faces were attacked; NaN where there are no predictions, or none on attacked faces.
    """
    rows = _of_last_model(table)
    seconds = rows["seconds"].to_numpy()
    bins = int(np.clip((seconds.max() - seconds.min()) / finest, 1, MOST_BINS))
    edges = np.linspace(seconds.min(), seconds.max(), bins + 1)
    places = np.digitize(seconds, edges[1:-1])
    found: dict[str, np.ndarray | list[float]] = {
        "from_seconds": edges[:-1],
        "to_seconds": edges[1:],
        "predictions": np.bincount(places, minlength=bins),
    }
    labels, hit = rows["label"].to_numpy(str), (rows["attack"] != "").to_numpy()
    after = rows["attacked_label"].to_numpy(str)
    for name in _classes(rows):
        found[name] = [_share(labels[places == place] == name) for place in range(bins)]
        if hit.any():
            found[f"attacked_{name}"] = [
                _share(after[hit & (places == place)] == name) for place in range(bins)
            ]
    return pd.DataFrame(found)


def _of_last_model(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["model"] == table["model"].iloc[-1]]


def _classes(rows: pd.DataFrame) -> tuple[str, ...]:
    """Class columns of the rows, in the model's order."""
    columns = list(rows.columns)
    names = columns[columns.index("label") + 1 : columns.index("attack")]
    return tuple(name for name in names if rows[name].notna().any())


def _fer2013_shares(names: tuple[str, ...]) -> dict[str, float | None]:
    total = sum(FER2013_TRAINING.values())
    shares = {name: count / total for name, count in FER2013_TRAINING.items()}
    same = translate(np.arange(FERPLUS8.num_classes), FERPLUS8, FER7)
    for name, index in zip(FERPLUS8.classes, same):
        if index != NO_LABEL:
            shares.setdefault(name, shares[FER7.classes[index]])
    return {name: shares.get(name) for name in names}


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else math.nan
