"""Summarise a recorded session for the summary page.

Not here: recording (`live/recording.py`) and drawing (`live/server/templates/session.html`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets.labels import FER7, FERPLUS8, NO_LABEL, translate

FER2013_TRAINING = dict(zip(FER7.classes, (3995, 436, 4097, 7215, 4830, 3171, 4965)))
"""Number of images of each class in FER2013's Training split, 28,709 in total."""
MOST_BINS = 60


@dataclass(frozen=True)
class ClassSummary:
    """One class over a session.

    Attributes:
        name: class name.
        share: share of all predictions on clean faces, 0 to 1.
        attacked_share: share of all predictions on attacked faces; None without any.
        fer2013: share in FER2013's Training split; None if it has no such class.
        over_time: share in each time interval, first to last.
    """

    name: str
    share: float
    attacked_share: float | None
    fer2013: float | None
    over_time: tuple[float, ...]


@dataclass(frozen=True)
class Summary:
    """Figures of a session.

    Attributes:
        seconds: duration.
        frames: frames with a face.
        people: number of tracks.
        rows: faces classified in all frames together.
        model: model used last; rows of other models are left out.
        dominant: most frequent class.
        attacked: rows with an attack.
        flipped: attacked rows whose prediction changed.
        classes: in the order of the model's classes.
    """

    seconds: float
    frames: int
    people: int
    rows: int
    model: str
    dominant: str
    attacked: int
    flipped: int
    classes: tuple[ClassSummary, ...]


def summarise(table: pd.DataFrame) -> Summary | None:
    """Summarise a recording's table (`Recording.table`); None if it has no rows."""
    if table.empty:
        return None
    model = str(table["model"].iloc[-1])
    rows = table[table["model"] == model]
    seconds = rows["seconds"].to_numpy()
    labels = rows["label"].to_numpy(str)
    hit = (rows["attack"] != "").to_numpy()
    after = rows["attacked_label"].to_numpy(str)[hit]
    length = float(seconds.max() - seconds.min())
    bins = int(np.clip(length, 1, MOST_BINS))
    edges = np.linspace(seconds.min(), seconds.max(), bins + 1)[1:-1]
    places = np.digitize(seconds, edges)
    names = _classes(rows)
    known = _fer2013_shares(names)
    classes = tuple(
        ClassSummary(
            name,
            float((labels == name).mean()),
            float((after == name).mean()) if len(after) else None,
            known[name],
            tuple(_share(labels[places == place] == name) for place in range(bins)),
        )
        for name in names
    )
    return Summary(
        seconds=length,
        frames=int(rows["frame"].nunique()),
        people=int(rows["face"].nunique()),
        rows=len(rows),
        model=model,
        dominant=max(classes, key=lambda entry: entry.share).name,
        attacked=int(hit.sum()),
        flipped=int(rows["flipped"].to_numpy(bool)[hit].sum()),
        classes=classes,
    )


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
    return float(hits.mean()) if len(hits) else 0.0
