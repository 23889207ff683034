"""Read and write the files of a run: tables, arrays, manifest."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyarrow import ArrowException
from pyarrow.parquet import ParquetFile
from pydantic import ValidationError

from datasets.base.atomic import atomic
from datasets.base.errors import DAMAGED_ARRAYS, InputError, first_fault, words_of
from datasets.base.npz import read_npz
from evaluation.results.manifest import Manifest
from evaluation.results.schema import ADDED_COLUMNS, SCHEMA_VERSION


def write_table(frame: pd.DataFrame, columns: dict[str, str], path: Path) -> None:
    """Write a frame as `.csv` or `.parquet` with exactly these columns, atomically."""
    frame = frame[list(columns)].astype(columns)
    with atomic(path) as unfinished:
        if path.suffix == ".csv":
            frame.to_csv(unfinished, index=False, float_format="%.10g", lineterminator="\n")
        else:
            frame.to_parquet(unfinished, index=False, write_page_checksum=True)


def read_table(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    """Read a table of a run.

    Raises:
        InputError: the file is missing, damaged, or has other columns.
    """
    if not path.exists():
        raise InputError(
            f"{path}: expected a finished run, found no such file. "
            "Name a folder that `python -m evaluation.run` has written."
        )
    try:
        with ParquetFile(path, page_checksum_verification=True) as file:
            frame = file.read().to_pandas(ignore_metadata=True)  # a checksum covers pages alone
    except (ArrowException, OSError, ValueError) as error:
        raise InputError(damaged(path, "parquet", error)) from error
    return _checked(frame, columns, path)


def read_parts(path: Path, columns: dict[str, str]) -> Iterator[pd.DataFrame]:
    """Read the row groups of a table one after the other; those without rows are left out.

    Raises:
        InputError: see `read_table`.
    """
    try:
        with ParquetFile(path, page_checksum_verification=True) as file:
            for number in range(file.num_row_groups):
                frame = file.read_row_group(number).to_pandas(ignore_metadata=True)
                if len(frame):
                    yield _checked(frame, columns, path)
    except (ArrowException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(damaged(path, "parquet", error)) from error


def _checked(frame: pd.DataFrame, columns: dict[str, str], path: Path) -> pd.DataFrame:
    """A table with exactly these columns, of their types; see `read_table`."""
    missing = [name for name in ADDED_COLUMNS if name in columns and name not in frame]
    frame = frame.assign(**dict.fromkeys(missing, np.nan))
    if list(frame.columns) != list(columns):
        raise InputError(
            f"{path}: expected columns {', '.join(columns)}; found {', '.join(frame.columns)}."
        )
    try:
        return frame.astype(columns)
    except (ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{path}: expected the types of docs/results-schema.md; found "
            f"{' '.join(str(error).split())}. Run the evaluation again."
        ) from error


def write_manifest(manifest: dict[str, Any], path: Path) -> None:
    """Write a manifest as JSON with its schema version, atomically."""
    with atomic(path) as unfinished:
        unfinished.write_text(
            json.dumps({"schema_version": SCHEMA_VERSION, **manifest}, indent=2) + "\n"
        )


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest.

    Raises:
        InputError: missing, not JSON, of another schema version, or not the manifest of a run.
    """
    try:
        manifest = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(
            f"{path}: expected a run folder with a manifest, found no such file. Name a folder "
            "that `python -m evaluation.run` has written; --resume finishes a run."
        ) from error
    except (ValueError, RecursionError) as error:  # not JSON, not text, or nested too deeply
        raise InputError(damaged(path, "JSON", error)) from error
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: expected schema version {SCHEMA_VERSION}, found {version}. "
            "Run the evaluation again with this version."
        )
    try:
        Manifest.model_validate(manifest)
    except ValidationError as error:
        raise InputError(
            f"{path}: expected the manifest of a run, found at {first_fault(error)}. "
            "Name a folder that `python -m evaluation.run` has written."
        ) from error
    return manifest


def write_arrays(arrays: dict[str, np.ndarray], names: dict[str, str], path: Path) -> None:
    """Write `.npz` arrays of one of the tables above, atomically."""
    with atomic(path) as unfinished:
        kept: dict[str, Any] = {name: arrays[name] for name in names}
        np.savez_compressed(unfinished, **kept)


def read_arrays(path: Path, names: dict[str, str]) -> dict[str, np.ndarray]:
    """Read `.npz` arrays; those that an older version did not write are left out.

    Raises:
        InputError: the file is missing or damaged.
    """
    if not path.exists():
        raise InputError(f"{path}: expected a file of a finished run, found no such file.")
    try:
        found = read_npz(path, names)
        return {name: found[name] for name in names if name in found}
    except DAMAGED_ARRAYS as error:
        raise InputError(damaged(path, "npz", error)) from error


def damaged(path: Path, kind: str, error: Exception) -> str:
    """Say that a file of a run cannot be read, and what to do."""
    return (
        f"{path}: expected an intact {kind} file, found {words_of(error)}. Restore it, or run the "
        "evaluation again with --resume."
    )
