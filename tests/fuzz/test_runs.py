"""Hostile files of runs and sets: manifests, chunks, tables, arrays, caches, readings of clips."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.sets.store import MANIFEST, complete_sets, open_set
from datasets.base.cache import read_entry, write_entry
from datasets.fer2013 import Faces
from datasets.sample import write_sample
from datasets.sample.faces import read_sample
from evaluation.figures.seeds import read_seeds
from evaluation.results.files import write_manifest, write_table
from evaluation.results.outside import read_outside
from evaluation.results.reading import (
    FRAME_COLUMNS,
    READING_COLUMNS,
    MeasuredReading,
    is_reading,
    write_reading,
)
from evaluation.results.run import FinishedRun
from evaluation.results.schema import (
    GAP_COLUMNS,
    GAPS,
    OUTSIDE_COLUMNS,
    SEED_COLUMNS,
    SEEDS,
    TRANSFER_COLUMNS,
)
from evaluation.results.transfer_rows import transfer_cells
from fer_models.weights import read_arrays as read_weights
from tests.attacks.sets.test_store import write_sweep
from tests.datasets.factory import sample_arrays
from tests.evaluation import tiny
from tests.fuzz.hostile import damage, damaged, fuzz, inputs, survives
from tests.reports.fake_run import write_run
from tests.reports.wishes import Wishes

READERS = {
    "manifest.json": lambda run: [run.manifest, run.config, run.schemes, run.label_names],
    "results.parquet": lambda run: [run.results, run.label_sets, run.norms],
    "comparisons.parquet": lambda run: run.comparisons,
    "checks.parquet": lambda run: run.checks,
    "transfer.parquet": lambda run: [run.transfer, *transfer_cells(run.folder)],
    GAPS: lambda run: run.gaps,
    SEEDS: lambda run: read_seeds(run.folder),
    "outside/*.parquet": lambda run: read_outside(run.folder),
    "gallery.npz": lambda run: run.gallery,
    "disputed.npz": lambda run: run.disputed,
    "regions.npz": lambda run: run.regions,
    "per_image/_parts.json": lambda run: [run.measured, run.images.faces],
    "per_image/*/*.parquet": lambda run: [run.per_image, run.images.faces],
}
"""What is read of each file of a run."""
_CELLS = {"string": "fer", "int64": 1, "float64": 0.5, "boolean": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("run"), Wishes(count=20))
    manifest = json.loads((run / "manifest.json").read_text())
    write_manifest(manifest | {"config": tiny.config().to_json()}, run / "manifest.json")
    (run / "outside").mkdir()
    for columns, file in (
        (TRANSFER_COLUMNS, "transfer.parquet"),
        (GAP_COLUMNS, GAPS),
        (SEED_COLUMNS, SEEDS),
        (OUTSIDE_COLUMNS, "outside/theirs.parquet"),
    ):
        row = {name: _CELLS[dtype] for name, dtype in columns.items()}
        write_table(pd.DataFrame([row] * 3), columns, run / file)
    return run


@pytest.mark.parametrize("name", READERS)
@fuzz
@given(steps=damage)
def test_files_of_a_run(name, folder, steps):
    path = sorted(folder.glob(name))[0]
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, steps))
    try:
        survives(lambda: READERS[name](FinishedRun(folder)), folder)
    finally:
        path.write_bytes(whole)


def test_a_whole_run_is_read(folder):
    for read in READERS.values():
        read(FinishedRun(folder))


@pytest.mark.parametrize("name", [MANIFEST, "chunk-00001.npz"])
@inputs(2)
@given(steps=damage)
def test_sets(name, tmp_path, steps):
    write_sweep(tmp_path)
    path = tmp_path / name
    path.write_bytes(damaged(path.read_bytes(), steps))
    survives(lambda: open_set(tmp_path), tmp_path)
    survives(lambda: complete_sets(tmp_path), tmp_path)


@fuzz
@given(steps=damage)
def test_the_sample(tmp_path, steps):
    path = tmp_path / "sample.npz"
    write_sample(path, *sample_arrays())
    path.write_bytes(damaged(path.read_bytes(), steps))
    survives(lambda: read_sample(path), tmp_path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@inputs(2)
@given(steps=damage, single=st.booleans())
def test_weights(save, tmp_path, steps, single):
    path = tmp_path / "weights.npz"
    with open(path, "wb") as file:
        if single:
            np.save(file, np.arange(6.0))  # one array under the name of an archive
        else:
            save(file, kernel=np.ones((3, 2), np.float32), bias=np.zeros(2))
    path.write_bytes(damaged(path.read_bytes(), steps))
    survives(lambda: read_weights(path), tmp_path)


@fuzz
@given(steps=damage)
def test_the_cache_of_parsed_faces(tmp_path, monkeypatch, steps):
    monkeypatch.setenv("DEADPAN_CACHE", str(tmp_path))
    faces = Faces(np.zeros((2, 48, 48, 1), np.uint8), np.arange(2), np.array(["Training"] * 2))
    write_entry("0" * 64, faces)
    (entry,) = tmp_path.glob("*.npz")
    entry.write_bytes(damaged(entry.read_bytes(), steps))
    survives(lambda: read_entry("0" * 64), tmp_path)


@fuzz
@given(steps=damage)
def test_readings_of_clips(tmp_path, steps):
    if not (tmp_path / "manifest.json").exists():
        empty = [pd.DataFrame(columns=list(names)) for names in (READING_COLUMNS, FRAME_COLUMNS)]
        write_reading(tmp_path, *empty, {"clips": [{"name": "a.mp4", "frames": 3}]})
        (tmp_path / "whole").write_bytes((tmp_path / "manifest.json").read_bytes())
    (tmp_path / "manifest.json").write_bytes(damaged((tmp_path / "whole").read_bytes(), steps))
    survives(lambda: MeasuredReading(tmp_path).manifest, tmp_path)
    survives(lambda: is_reading(tmp_path), tmp_path)
