"""Read the rows of a clip back, frame by frame, as faces with answers."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from faces.box import Box
from live.reading import Answer, Face
from live.video.parts import PARQUET
from live.video.rows import BESIDE

_NOTHING = np.empty((0, 0, 1), np.float32)
"""Pixels are not recorded."""


def recorded_faces(folder: Path) -> Iterator[tuple[int, tuple[Face, ...]]]:
    """Yield the number of every frame in `faces.parquet` and its faces, without pixels."""
    with pq.ParquetFile(folder / PARQUET) as file:
        names = file.schema_arrow.names
        batches = (batch.to_pylist() for batch in file.iter_batches())
        rows = (row for batch in batches for row in batch)
        for frame, group in groupby(rows, key=lambda row: row["frame"]):
            yield frame, tuple(_face(row, names) for row in group if row["track"] is not None)


def _face(row: dict[str, Any], names: list[str]) -> Face:
    box = Box(row["x"], row["y"], row["width"], row["height"])
    prefixes = ["", BESIDE] if f"{BESIDE}label" in row else [""]
    answers = [_answer(row, names, prefix) for prefix in prefixes]
    after = [_answer(row, names, f"{prefix}attacked_") for prefix in prefixes]
    return Face(
        number=row["track"],
        box=box,
        square=box,
        clean=_NOTHING,
        answers=tuple(answers),
        attacked_answers=tuple(after) if row["attack"] else (),
        identity=row["identity"] or "",
    )


def _answer(row: dict[str, Any], names: list[str], prefix: str) -> Answer:
    """The answer in the columns after `<prefix>label`, which are its classes."""
    first = names.index(f"{prefix}label") + 1
    classes = []
    for name in names[first:]:
        known = ("attack", "attacked_label", "flipped", f"{BESIDE}attacked_label", "mouth_open")
        if name in known or not name.startswith(prefix):
            break
        classes.append(name.removeprefix(prefix))
    shares = np.array([row[f"{prefix}{name}"] for name in classes], np.float64)
    model = row[f"{BESIDE if prefix.startswith(BESIDE) else ''}model"]
    return Answer(model, tuple(classes), shares, row[f"{prefix}label"])
