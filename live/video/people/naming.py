"""Name the faces of a clip once all of it is read, from the distances in its rows.

A track is compared with the people in some of its frames (`sampling.py`). The median distance over
neighbouring comparisons decides, so one blurred frame does not, and a track in which one face takes
the place of another, as at a cut, changes its name. Of two faces in a frame with the same name the
nearer one keeps it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from live.video.people.gallery import THRESHOLD, UNKNOWN

DISTANCE = "distance_"
"""Columns of distances are called `distance_<name>`."""
NEIGHBOURS = 5
"""Comparisons in a median."""
FEWEST = 3
"""Comparisons that a name takes."""


class _Votes(NamedTuple):
    """Decisions for a track: frames, names, and median distances to them, by frame."""

    frames: np.ndarray
    names: np.ndarray
    distances: np.ndarray


class Naming:
    """Names of all tracks of a clip."""

    def __init__(self, tables: Iterable[pa.Table], names: Sequence[str]) -> None:
        """Decide.

        Args:
            tables: all rows.
            names: people; none: `fill` changes nothing.
        """
        self._votes: dict[int, _Votes] = {}
        self._asked = bool(names)
        columns = [f"{DISTANCE}{name}" for name in names]
        parts = []
        for table in tables if names else ():
            rows = table.select(["frame", "track", *columns]).to_pandas()
            parts.append(rows.dropna(subset=columns[0]))
        if not parts:
            return
        for track, rows in pd.concat(parts).groupby("track"):
            if len(rows) < FEWEST:
                continue
            medians = rows[columns].rolling(NEIGHBOURS, center=True, min_periods=FEWEST).median()
            values = medians.to_numpy()
            nearest = values.argmin(axis=1)
            distances = values[np.arange(len(values)), nearest]
            found = np.array([*names], object)[nearest]
            found[distances > THRESHOLD] = UNKNOWN
            self._votes[int(track)] = _Votes(rows["frame"].to_numpy(), found, distances)

    def fill(self, table: pa.Table) -> pa.Table:
        """Return the rows with `identity`: a name, `unknown`, or nothing without a face."""
        if not self._asked:
            return table
        tracks = table["track"].to_pylist()
        frames = table["frame"].to_pylist()
        found = [self._name(track, frame) for track, frame in zip(tracks, frames)]
        best: dict[tuple[int, str], float] = {}
        for frame, (name, distance) in zip(frames, found):
            best[frame, name] = min(distance, best.get((frame, name), np.inf))
        identities = [
            None
            if track is None
            else name
            if name == UNKNOWN or distance == best[frame, name]
            else UNKNOWN
            for track, frame, (name, distance) in zip(tracks, frames, found)
        ]
        place = table.schema.get_field_index("identity")
        return table.set_column(place, "identity", pa.array(identities, pa.string()))

    def _name(self, track: int | None, frame: int) -> tuple[str, float]:
        """Name by the nearest comparison of the track, and the distance."""
        votes = None if track is None else self._votes.get(track)
        if votes is None:
            return UNKNOWN, np.inf
        after = int(np.searchsorted(votes.frames, frame))
        places = [place for place in (after - 1, after) if 0 <= place < len(votes.frames)]
        place = min(places, key=lambda place: abs(int(votes.frames[place]) - frame))
        return str(votes.names[place]), float(votes.distances[place])
