"""The files of a measured reading of clips, their columns and types: all that its page needs.

A folder of `python -m evaluation.video` holds

- `results.csv`, `results.parquet`: long form, one figure per row (`READING_COLUMNS`);
- `frames.parquet`: what was read in each frame (`FRAME_COLUMNS`);
- `manifest.json`: settings, clips, what was left out, checks, models, environment;
- `index.html`: the page (`reports/readings/page.py`);
- `run.json`, `measured/`: what `--resume` continues (`evaluation/readings/kept.py`).
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from evaluation.results.files import read_table, write_table

RESULTS, FRAMES, MANIFEST = "results.parquet", "frames.parquet", "manifest.json"
KIND = "reading of clips"
"""In the field `kind` of the manifest."""
VERSION = 1

LABELS, CLEAN_READING = "labels", "clean reading"
"""In the column `reference`: labels of planted clips, or what the model itself reads in the clean
frames one by one. Shares of the first are accuracies, of the second agreement."""
EVERY = {LABELS: "all planted clips", CLEAN_READING: "all clips"}
"""In the column `clip`, for figures over all clips with the same kind of reference."""
REFERENCE = "reference"
"""In the column `smoothing`: the reference itself, whose flips are real changes."""
UNSMOOTHED = "none"
CLEAN, NOISE, ADAPTIVE = "none", "noise", "adaptive"
"""In the column `perturbation`."""

READING_COLUMNS: dict[str, str] = {
    "model": "string",
    "clip": "string",
    "reference": "string",
    "smoothing": "string",
    "perturbation": "string",
    "norm": "string",
    "eps": "float64",
    "metric": "string",
    "value": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "n": "int64",
    "clips": "int64",
    "effective_n": "float64",
    "seed": "int64",
    "status": "string",
}
"""Columns of `results.csv` in order. n: frames, or changes of the reference; effective_n: how many
independent ones know as much (`evaluation/statistics/blocks.py`)."""

FRAME_COLUMNS: dict[str, str] = {
    "model": "string",
    "clip": "string",
    "reference": "string",
    "frame": "int64",
    "seconds": "float64",
    "smoothing": "string",
    "perturbation": "string",
    "eps": "float64",
    "expected": "string",
    "scored": "boolean",
    "reading": "string",
    "margin": "float64",
}
"""Columns of `frames.parquet`: one row per model, clip, smoother, perturbation, eps and frame.
`margin`: logit of what is expected minus the largest other one, in the clean frame."""


@dataclass(frozen=True)
class MeasuredReading:
    """A folder of `python -m evaluation.video`, read back.

    Raises:
        InputError: on first use of a file that is missing or damaged.
    """

    folder: Path

    @cached_property
    def results(self) -> pd.DataFrame:
        """Rows of `results.parquet`."""
        return read_table(self.folder / RESULTS, READING_COLUMNS)

    @cached_property
    def frames(self) -> pd.DataFrame:
        """Rows of `frames.parquet`."""
        return read_table(self.folder / FRAMES, FRAME_COLUMNS)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest."""
        path = self.folder / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: expected a manifest; found {error}.") from error
        kind = isinstance(found, dict) and (found.get("kind"), found.get("version"))
        if kind != (KIND, VERSION):
            raise InputError(
                f"{path}: expected a {KIND}, version {VERSION}. Name a folder that `python -m "
                "evaluation.video` has written."
            )
        manifest: dict[str, Any] = found
        return manifest


def is_reading(folder: Path) -> bool:
    """Whether a folder holds a measured reading, of this version."""
    try:
        return bool(MeasuredReading(folder).manifest)
    except InputError:
        return False


def write_reading(
    folder: Path, results: pd.DataFrame, frames: pd.DataFrame, manifest: dict[str, Any]
) -> MeasuredReading:
    """Write the files of a folder, each atomically, the manifest last."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(frames, FRAME_COLUMNS, folder / FRAMES)
    for name in ("results.csv", RESULTS):
        write_table(results, READING_COLUMNS, folder / name)
    with atomic(folder / MANIFEST) as unfinished:
        text = json.dumps({"kind": KIND, "version": VERSION, **manifest}, indent=2) + "\n"
        unfinished.write_text(text, encoding="utf-8")
    return MeasuredReading(folder)
