"""Parquet files with PNG images, in the layout of Hugging Face's `Image` and `ClassLabel`.

`data/validation-00000-of-00002.parquet`: the column `image` is a struct of `bytes` and `path`,
`label` the number of a class; their names are in the metadata of the schema.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from attacks.sets.eight_bits import EightBitCopies
from attacks.sets.forms.rows import USUAL_SPLIT, rows_of
from datasets.faceset import Split
from datasets.folders import png_of
from datasets.labels import LabelScheme

SHARD_ROWS = 5000
"""Images of one file."""

_PLAIN = {
    "row": pa.int64(),
    "file": pa.string(),
    "split": pa.string(),
    "attacked": pa.bool_(),
    "smallest_eps": pa.float64(),
    "wrong_float32": pa.bool_(),
    "wrong_8bit": pa.bool_(),
    "prediction_8bit": pa.string(),
    "distance_8bit": pa.float64(),
}
_NAMES = {"double": "float64"}


def write(copies: EightBitCopies, scheme: LabelScheme, split: Split, folder: Path) -> None:
    """Write all images and what is known of them into an empty folder."""
    rows, count = rows_of(copies, split), len(copies.images)
    schema = _schema(scheme, [name for name in rows.columns if name in _PLAIN])
    (folder / "data").mkdir()
    shards = -(-count // SHARD_ROWS)
    for index in range(shards):
        part = slice(index * SHARD_ROWS, (index + 1) * SHARD_ROWS)
        pictures = [
            {"bytes": png_of(image), "path": f"{row}.png"}
            for image, row in zip(copies.images[part], rows["row"][part], strict=True)
        ]
        columns: dict[str, Any] = {name: rows[name][part] for name in rows.columns}
        columns |= {"image": pictures, "label": copies.made.labels[part]}
        arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in schema]
        name = f"{USUAL_SPLIT[split]}-{index:05d}-of-{shards:05d}.parquet"
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / "data" / name)


def _schema(scheme: LabelScheme, plain: list[str]) -> pa.Schema:
    """Schema of image, label and the plain columns of these names."""
    kinds = {name: _PLAIN[name] for name in plain}
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": list(scheme.classes), "_type": "ClassLabel"},
    }
    for name, kind in kinds.items():
        features[name] = {"dtype": _NAMES.get(str(kind), str(kind)), "_type": "Value"}
    picture = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    fields = {"image": picture, "label": pa.int64(), **kinds}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
