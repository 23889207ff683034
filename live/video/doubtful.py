"""Boxes that are no faces: tracks that end at once and in which the face mesh saw no face.

Both must hold. A real face may be seen in one frame only, and the mesh fails on some real faces.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FEWEST = 3
"""Frames from which on a track counts as a face even without landmarks."""
_KEPT = ("frame", "seconds")


def doubtful_tracks(tables: Iterable[pa.Table]) -> dict[int, int]:
    """Number of frames of each track that is doubtful; `tables` are all rows of a clip."""
    sighted, marked = Counter[int](), set[int]()
    for table in tables:
        columns = table.select(["track", "eye_aspect_ratio"]).to_pydict()
        for track, ratio in zip(columns["track"], columns["eye_aspect_ratio"]):
            if track is not None:
                sighted[track] += 1
                if ratio is not None:
                    marked.add(track)
    return {
        track: count for track, count in sighted.items() if count < FEWEST and track not in marked
    }


def without_tracks(table: pa.Table, tracks: Iterable[int]) -> pa.Table:
    """Remove the rows of tracks; a frame that has no other row keeps an empty one."""
    left_out = np.isin(table["track"].to_numpy(), list(tracks))  # no track is NaN
    if not left_out.any():
        return table
    frames = table["frame"].to_numpy()
    kept = set(frames[~left_out].tolist())
    emptied = np.zeros(len(frames), bool)
    for place in np.flatnonzero(left_out):
        if frames[place] not in kept:
            emptied[place] = True
            kept.add(frames[place])
    empty, stays = pa.array(emptied), pa.array(~left_out | emptied)
    columns = [
        column if name in _KEPT else pc.if_else(empty, pa.scalar(None, column.type), column)
        for name, column in zip(table.column_names, table.columns)
    ]
    return pa.table(columns, schema=table.schema).filter(stays)
