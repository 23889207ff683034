"""Rows of a run, one per image, model and perturbation, read back a part at a time.

Reads `per_image/`, one parquet file per model and perturbation with an index, and
`per_image.parquet` of earlier versions. A run of many faces and models has more rows than fit into
memory, so figures ask for those of one model, and for the columns that they need. Writing the
folder: `evaluation/results/row_parts.py`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from datasets.base.errors import InputError
from evaluation.results.files import damaged
from evaluation.results.schema import ADDED_COLUMNS, PER_IMAGE_COLUMNS

FOLDER, ONE_FILE = "per_image", "per_image.parquet"
"""Where the rows of a run are, and where runs of earlier versions have them."""
INDEX = "_parts.json"
"""In `FOLDER`: what each part holds. Readers of parquet folders skip names that begin with `_`."""
FACE_COLUMNS = ("fer", "ferplus", "votes", "leaked", "group", "near_leaked", "subgroups", "pixels")
"""Columns that a face has in the rows of every model and perturbation."""
SPENT_COLUMNS = ("label", "distance", "forward", "backward")
"""Columns that no figure is computed from."""
_CHECKED = pads.ParquetFileFormat(
    default_fragment_scan_options=pads.ParquetFragmentScanOptions(page_checksum_verification=True)
)
"""Parquet whose pages are compared with their checksums, where they have any."""
_KEY_IN_PART = ("row", "severity")
"""Columns that tell the rows of a part apart."""
_KEY = ("model", "attacked_labels", "perturbation", "source", "norm", *_KEY_IN_PART)
"""Columns that tell the rows of a run apart."""


class Kind(StrEnum):
    """What was done to the images of a part."""

    CLEAN = "clean"
    CORRUPTED = "corrupted"
    ATTACKED = "attacked"
    CERTIFIED = "certified"


class Part(NamedTuple):
    """One file of `FOLDER`.

    Attributes:
        file: its path in the folder.
        model: id of the model.
        kind: what was done to its images.
        rows: number of rows.
    """

    file: str
    model: str
    kind: str
    rows: int


class ImageRows(ABC):
    """The rows of a run."""

    @property
    @abstractmethod
    def models(self) -> list[str]:
        """Models that classified the clean faces, in the order of the rows."""

    @abstractmethod
    def pick(
        self,
        columns: Sequence[str] | None = None,
        *,
        model: str | None = None,
        kinds: Sequence[Kind] = tuple(Kind),
    ) -> pd.DataFrame:
        """Rows in the order of the run.

        Args:
            columns: of `PER_IMAGE_COLUMNS`; None for all.
            model: only those of this model.
            kinds: only those of images that this was done to.

        Raises:
            InputError: a file is missing, damaged, has other columns, or a face twice.
        """

    @cached_property
    def faces(self) -> pd.DataFrame:
        """One row per face: `row` and `FACE_COLUMNS`."""
        found = [
            self.pick(("row", *FACE_COLUMNS), model=model, kinds=[Kind.CLEAN])
            for model in self.models[:1]
        ]
        empty = pd.DataFrame(columns=["row", *FACE_COLUMNS])
        return pd.concat(found or [empty]).drop_duplicates("row")

    def of(self, model: str) -> pd.DataFrame:
        """Clean, attacked and certified rows of a model, without `SPENT_COLUMNS`.

        What a face has in every row is read once, so that all its rows share one copy.
        """
        kept = [name for name in PER_IMAGE_COLUMNS if name not in SPENT_COLUMNS]
        clean = self.pick(kept, model=model, kinds=[Kind.CLEAN])
        own = [name for name in kept if name not in FACE_COLUMNS]
        others = self.pick(own, model=model, kinds=[Kind.ATTACKED, Kind.CERTIFIED])
        places = pd.Index(clean.row).get_indexer(others.row)
        if (places < 0).any():
            raise InputError(
                f"{model}: face {others.row[places < 0].iloc[0]} has attacked rows and no clean "
                "one. Run the evaluation again with --resume."
            )
        for name in FACE_COLUMNS:
            others[name] = clean[name].array.take(places)
        return pd.concat([clean, others[kept]], ignore_index=True)

    def corrupted(self, model: str) -> pd.DataFrame:
        """Clean and corrupted rows of a model: what accuracy is computed from."""
        columns = ("row", "model", "perturbation", "severity", "fer", "ferplus", "prediction")
        return self.pick(columns, model=model, kinds=[Kind.CLEAN, Kind.CORRUPTED])


class StoredRows(ImageRows):
    """Rows on disk.

    Args:
        folder: holds the parts.
        parts: what each of them holds; None for one file of all rows.
    """

    def __init__(self, folder: Path, parts: Sequence[Part] | None) -> None:
        self._folder, self._parts = folder, parts

    @classmethod
    def of_run(cls, run: Path) -> "StoredRows":
        """Rows of a finished run.

        Raises:
            InputError: there are none, or the index is damaged.
        """
        folder = run / FOLDER
        if not folder.exists() and (run / ONE_FILE).exists():
            return cls(run, None)
        return cls(folder, _read_index(folder))

    @cached_property
    def models(self) -> list[str]:
        """Models that classified the clean faces, in the order of the rows."""
        if self._parts is None:
            return list(dict.fromkeys(self.pick(["model"], kinds=[Kind.CLEAN]).model))
        return list(dict.fromkeys(part.model for part in self._parts if part.kind == Kind.CLEAN))

    def pick(
        self,
        columns: Sequence[str] | None = None,
        *,
        model: str | None = None,
        kinds: Sequence[Kind] = tuple(Kind),
    ) -> pd.DataFrame:
        """Rows in the order of the run, see `ImageRows.pick`."""
        names = list(PER_IMAGE_COLUMNS) if columns is None else list(columns)
        keys = _KEY_IN_PART if self._parts is not None else _KEY
        read = [*names, *(name for name in keys if name not in names)]
        if self._parts is None:
            table = self._read([ONE_FILE], read, _condition(model, kinds))
            self._refuse_repeated(table.select(keys), ONE_FILE)
        else:
            wanted = [
                part
                for part in self._parts
                if (model is None or part.model == model) and part.kind in kinds
            ]
            table = self._read([part.file for part in wanted], read, None)
            if len(table) != (expected := sum(part.rows for part in wanted)):
                raise InputError(
                    f"{self._folder}: expected {expected} rows, found {len(table)}. Run the "
                    "evaluation again with --resume."
                )
            start = 0
            for part in wanted:
                self._refuse_repeated(table.select(keys).slice(start, part.rows), part.file)
                start += part.rows
        table = table.select(names)
        try:
            return table.to_pandas(ignore_metadata=True).astype(
                {name: PER_IMAGE_COLUMNS[name] for name in names}
            )
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"{self._folder}: expected the types of docs/results-schema.md; found "
                f"{' '.join(str(error).split())}. Run the evaluation again."
            ) from error

    def _refuse_repeated(self, keys: pa.Table, file: str) -> None:
        """Refuse a face that has two rows, which would count twice in every figure."""
        repeated = keys.to_pandas(ignore_metadata=True).duplicated().to_numpy()
        if repeated.any():
            face = keys["row"][int(repeated.argmax())].as_py()
            raise InputError(
                f"{self._folder / file}: face {face} has two rows that should be one. Run the "
                "evaluation again with --resume."
            )

    def _read(
        self, files: Sequence[str], names: list[str], condition: pads.Expression | None
    ) -> pa.Table:
        """Rows of some files; columns of later versions that a file lacks are null."""
        if not files:
            return SCHEMA.empty_table().select(names)
        paths = [str(self._folder / file) for file in files]
        try:
            found = pq.read_schema(paths[0])
            lacking = [n for n in PER_IMAGE_COLUMNS if n not in found.names]
            if set(found.names) - set(PER_IMAGE_COLUMNS) or set(lacking) - set(ADDED_COLUMNS):
                raise InputError(
                    f"{paths[0]}: expected columns {', '.join(PER_IMAGE_COLUMNS)}; found "
                    f"{', '.join(found.names)}."
                )
            for name in lacking:
                found = found.append(SCHEMA.field(name))
            data = pads.dataset(paths, schema=found, format=_CHECKED)
            return data.to_table(columns=names, filter=condition)
        except InputError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(damaged(Path(paths[0]), "parquet", error)) from error


def _condition(model: str | None, kinds: Sequence[Kind]) -> pads.Expression | None:
    """Rows of a model and of these kinds, in a file of all rows."""
    clean, corrupted = pads.field("perturbation") == "none", pads.field("severity").is_valid()
    attacked = pads.field("attacked_labels") != ""
    is_kind = {
        Kind.CLEAN: clean,
        Kind.CORRUPTED: corrupted,
        Kind.ATTACKED: attacked,
        Kind.CERTIFIED: ~clean & ~corrupted & ~attacked,
    }
    condition = None if model is None else pads.field("model") == model
    if set(kinds) != set(Kind):
        wanted = is_kind[kinds[0]]
        for kind in kinds[1:]:
            wanted = wanted | is_kind[kind]
        condition = wanted if condition is None else condition & wanted
    return condition


def _read_index(folder: Path) -> list[Part]:
    path = folder / INDEX
    try:
        found = json.loads(path.read_text())
        parts = [Part(*(part[name] for name in Part._fields)) for part in found["parts"]]
        if len({part.file for part in parts}) < len(parts):
            raise ValueError("the same part twice")
        return parts
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: expected a finished run, found no such file. "
            "Name a folder that `python -m evaluation.run` has written."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(damaged(path, "JSON", error)) from error


_TYPES = {"string": pa.string(), "object": pa.list_(pa.float32()), "Int64": pa.int64()} | {
    "int64": pa.int64(), "float64": pa.float64(), "boolean": pa.bool_()
}  # fmt: skip
_LISTS = {"votes": pa.list_(pa.uint8()), "subgroups": pa.list_(pa.string())}
SCHEMA = pa.schema(
    [(name, _LISTS.get(name, _TYPES[dtype])) for name, dtype in PER_IMAGE_COLUMNS.items()]
)
"""Types of `PER_IMAGE_COLUMNS` on disk: the same in every part, also where a column is missing."""


def kind_of(rows: pd.DataFrame) -> Kind:
    """What was done to the images of rows of one model and perturbation."""
    if (rows.perturbation == "none").all():
        return Kind.CLEAN
    if (rows.attacked_labels != "").all():
        return Kind.ATTACKED
    return Kind.CORRUPTED if rows.severity.notna().all() else Kind.CERTIFIED
