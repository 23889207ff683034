"""A tiny finished run, and copies of it changed by hand."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from evaluation.figures.score_run import rescore
from evaluation.results.run import FinishedRun
from tests.evaluation import tiny
from tests.evaluation.held_rows import write_rows


@pytest.fixture(scope="package")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tiny.config(corruptions=("gaussian_noise",), severities=(5,))
    return tiny.write_run(tmp_path_factory.mktemp("runs") / "first", config)


@pytest.fixture
def make(first: Path, tmp_path: Path) -> Callable[..., FinishedRun]:
    """Copies the run under a name, changes its rows and manifest, and scores it again."""

    def made(
        name: str,
        rows: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
        manifest: Callable[[dict], None] = lambda _: None,
    ) -> FinishedRun:
        folder = tmp_path / name
        shutil.copytree(first, folder, ignore=shutil.ignore_patterns("sets"))
        frame = rows(FinishedRun(folder).per_image)
        write_rows(frame, folder)
        entries = json.loads((folder / "manifest.json").read_text())
        manifest(entries)
        (folder / "manifest.json").write_text(json.dumps(entries))
        run = FinishedRun(folder)
        rescore(run)
        return FinishedRun(folder)

    return made
