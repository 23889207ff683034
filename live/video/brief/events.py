"""The brief expressions of a clip as a table: reads `faces.parquet`, writes `events.csv`.

    track,identity,emotion,baseline,onset_seconds,apex_seconds,offset_seconds,strength

One row per event, by onset; times are those of the clip's own frames.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from datasets.base.atomic import atomic
from live.video.brief.expressions import brief_expressions
from live.video.parts import PARQUET

EVENTS = "events.csv"
_DECIMALS = 3
COLUMNS = (
    *("track", "identity", "emotion", "baseline"),
    *("onset_seconds", "apex_seconds", "offset_seconds", "strength"),
)


class FoundEvents(NamedTuple):
    """Events, with the columns of `events.csv`, and for how long each face was seen.

    Attributes:
        events: one row per event.
        seen: seconds from a track's first frame to its last, by track.
    """

    events: pd.DataFrame
    seen: dict[int, float]


def find_events(folder: Path) -> FoundEvents:
    """Events of every track, from the first classifier's predictions on the clean faces."""
    names = pq.read_schema(folder / PARQUET).names
    classes = names[names.index("label") + 1 : names.index("attack")]
    wanted = ["seconds", "track", "identity", *classes]
    table = pd.read_parquet(folder / PARQUET, columns=wanted).dropna(subset="track")
    rows, lengths = [], dict[int, float]()
    for track, seen in table.groupby("track"):
        seconds = seen["seconds"].to_numpy(np.float64)
        lengths[int(track)] = float(seconds[-1] - seconds[0])
        identities = seen["identity"].fillna("").to_numpy(object)
        for event in brief_expressions(seconds, seen[classes].to_numpy(np.float64), classes):
            identity = identities[np.searchsorted(seconds, event.apex)]
            times = (round(value, _DECIMALS) for value in (event.onset, event.apex, event.offset))
            what = (event.emotion, event.baseline)
            rows.append((int(track), identity, *what, *times, event.strength))
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return FoundEvents(found.sort_values(["onset_seconds", "track"], ignore_index=True), lengths)


def write_events(folder: Path) -> FoundEvents:
    """Find the events, and write them into the clip's folder."""
    found = find_events(folder)
    with atomic(folder / EVENTS) as unfinished:
        found.events.to_csv(unfinished, index=False)
    return found
