"""A recorded session: one row per face and frame, kept in memory until the file is requested.

    seconds,frame,face,x,y,width,height,model,label,<class>...,attack,eps,severity,steps,target,
    attacked_label,attacked_<class>...,flipped

`frame` counts the frames since recording began, from 0; a frame without faces has no row.
`attack`, `attacked_label` and `flipped` are empty without an attack; the columns between them are
those of `live/attack_columns.py`. Only the first classifier, which is attacked, is recorded.
"""

import threading
from pathlib import Path
from typing import Any

import pandas as pd

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from live.attack_columns import NO_ATTACK, AttackColumns, attack_columns
from live.reading import Face, Reading
from live.settings import Settings

MOST_ROWS = 200_000
"""Most rows of a recording: nearly two hours of one face at 30 frames per second."""
CHUNK = 1000
FORMATS = (".csv", ".parquet")
_HEAD = ("seconds", "frame", "face", "x", "y", "width", "height", "model", "label")
_MIDDLE = (*AttackColumns._fields, "attacked_label")
_TYPES = {"severity": "Int64", "steps": "Int64", "flipped": "boolean"}
"""Types of columns that may be empty: plain ones would become 3.0 and object."""


class Recording:
    """Rows of one session; full thousands are stored as tables, at a tenth of the size."""

    def __init__(self) -> None:
        self._chunks: list[pd.DataFrame] = []
        self._rows: list[dict[str, Any]] = []
        self._frames = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(map(len, self._chunks)) + len(self._rows)

    @property
    def full(self) -> bool:
        """Whether no more rows are recorded."""
        return len(self) >= MOST_ROWS

    def add(self, seconds: float, reading: Reading, settings: Settings) -> None:
        """Record the faces of one frame.

        Args:
            seconds: since the session began.
            reading: results of the pipeline.
            settings: settings of the frame.
        """
        with self._lock:
            if not self.full:
                faces = reading.faces
                self._rows += [row_of(self._frames, seconds, face, settings) for face in faces]
                self._frames += 1
            if len(self._rows) >= CHUNK:
                self._chunks.append(pd.DataFrame(self._rows))
                self._rows = []

    def table(self) -> pd.DataFrame:
        """All rows so far; without any, the columns that do not depend on a classifier."""
        with self._lock:
            parts = [*self._chunks, pd.DataFrame(self._rows)]
        filled = [part for part in parts if len(part)]
        if not filled:
            return pd.DataFrame(columns=[*_HEAD, *_MIDDLE, "flipped"])
        table = pd.concat(filled, ignore_index=True).astype(_TYPES)
        return table[_ordered(list(table.columns))]

    def write(self, path: Path) -> None:
        """Write csv or parquet, by the ending, atomically.

        Raises:
            InputError: another ending.
        """
        if path.suffix not in FORMATS:
            raise InputError(f"a recording is .csv or .parquet; got {path.name!r}.")
        with atomic(path) as unfinished:
            if path.suffix == ".csv":
                self.table().to_csv(unfinished, index=False)
            else:
                self.table().to_parquet(unfinished, index=False)


def _ordered(columns: list[str]) -> list[str]:
    """Order columns so that the classes of every model come before `attack`."""
    head, middle = columns[: len(_HEAD)], [name for name in columns if name in _MIDDLE]
    after = [name for name in columns if name.startswith("attacked_") and name not in _MIDDLE]
    classes = [n for n in columns if n not in {*head, *middle, *after, "flipped"}]
    return [*head, *classes, *middle, *after, *[n for n in columns if n == "flipped"]]


def row_of(frame: int, seconds: float, face: Face, settings: Settings) -> dict[str, Any]:
    """The row of one face in one frame, columns as above; further classifiers are left out."""
    first, box = face.answers[0], face.box
    row: dict[str, Any] = {
        "seconds": round(seconds, 3),
        "frame": frame,
        "face": face.number,
        "x": round(box.x, 1),
        "y": round(box.y, 1),
        "width": round(box.width, 1),
        "height": round(box.height, 1),
        "model": first.model,
        "label": first.predicted,
        **dict(zip(first.classes, first.probabilities.round(5).tolist())),
        **NO_ATTACK._asdict(),
        "attacked_label": "",
    }
    if face.attacked_answers:
        after = face.attacked_answers[0]
        row |= {**attack_columns(settings)._asdict(), "attacked_label": after.predicted}
        shares = after.probabilities.round(5).tolist()
        row |= {f"attacked_{c}": share for c, share in zip(after.classes, shares)}
    return {**row, "flipped": face.flipped if face.attacked_answers else None}
