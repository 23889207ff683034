"""Who was seen in a clip: reads `faces.parquet`, writes `people.csv`.

    identity,track,frames,from_seconds,to_seconds,comparisons,distance

One row per person and track; `distance` is the median over the comparisons to the named person, of
strangers to the nearest one.
"""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from datasets.base.atomic import atomic
from live.video.parts import PARQUET
from live.video.people.gallery import UNKNOWN
from live.video.people.naming import DISTANCE

PEOPLE = "people.csv"


def write_people(folder: Path) -> pd.DataFrame | None:
    """Write who was seen; None if the faces were not compared with anybody."""
    names = pq.read_schema(folder / PARQUET).names
    columns = [name for name in names if name.startswith(DISTANCE)]
    if not columns:
        return None
    wanted = ["frame", "seconds", "track", "identity", *columns]
    table = pd.read_parquet(folder / PARQUET, columns=wanted).dropna(subset="track")
    rows = []
    for (identity, track), seen in table.groupby(["identity", "track"]):
        own = seen[columns].min(axis=1)
        if identity != UNKNOWN:
            own = seen[f"{DISTANCE}{identity}"]
        compared = own.dropna()
        rows.append(
            {
                "identity": identity,
                "track": int(track),
                "frames": len(seen),
                "from_seconds": seen["seconds"].iloc[0],
                "to_seconds": seen["seconds"].iloc[-1],
                "comparisons": len(compared),
                "distance": round(compared.median(), 3),
            }
        )
    names = ["identity", "track", "frames", "from_seconds", "to_seconds", "comparisons", "distance"]
    found = pd.DataFrame(rows, columns=names)
    with atomic(folder / PEOPLE) as unfinished:
        found.to_csv(unfinished, index=False)
    return found
