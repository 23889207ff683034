"""WebDataset shards: `data/validation-000000.tar`, of each face its png, cls and json.

A sample's key is the row of the face; `cls` is the number of its class, `json` everything else.
"""

import io
import json
import tarfile
from pathlib import Path

from attacks.sets.eight_bits import EightBitCopies
from attacks.sets.forms.rows import USUAL_SPLIT, rows_of
from datasets.faceset import Split
from datasets.folders import png_of
from datasets.labels import LabelScheme

SHARD_ROWS = 5000
"""Images of one shard."""


def write(copies: EightBitCopies, scheme: LabelScheme, split: Split, folder: Path) -> None:
    """Write all images and what is known of them into an empty folder."""
    rows = rows_of(copies, split)
    lines = rows.to_json(orient="records", lines=True, double_precision=15).splitlines()
    known = [json.loads(line) for line in lines]
    (folder / "data").mkdir()
    for index, start in enumerate(range(0, len(rows), SHARD_ROWS)):
        path = folder / "data" / f"{USUAL_SPLIT[split]}-{index:06d}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as shard:
            for place in range(start, min(start + SHARD_ROWS, len(rows))):
                key = f"{known[place]['row']:08d}"
                _add(shard, f"{key}.png", png_of(copies.images[place]))
                _add(shard, f"{key}.cls", str(copies.made.labels[place]).encode())
                _add(shard, f"{key}.json", json.dumps(known[place]).encode())


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file without time, owner and group, so that the same images make the same bytes."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    shard.addfile(entry, io.BytesIO(content))
