"""One tiny run that several files of tests read."""

from pathlib import Path

import pytest

from evaluation.stages.pipeline import evaluate_run
from tests.evaluation import tiny


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only: copy it to change something."""
    folder = tmp_path_factory.mktemp("run")
    evaluate_run(tiny.config(), tiny.faces(), tiny.models(), folder, None, tiny.SILENT)
    return folder
