"""A zoo of one small architecture, with a small source of faces."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fer_models import zoo
from fer_models.architectures.registry import ARCHITECTURES
from fer_models.recipe import Recipe
from fer_models.training import queue as training_queue
from fer_models.training import run as training_run
from tests.datasets.factory import write_source
from tests.fer_models.training.tiny_architecture import build


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("data"))


@pytest.fixture
def tiny_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zoo of one architecture, with nothing shipped."""
    module: Any = ModuleType("tiny_architecture")
    module.build, module.RECIPE = build, Recipe(epochs=2, batch_size=8, calm_epochs=0)
    monkeypatch.setitem(sys.modules, "tiny_architecture", module)
    for name in list(ARCHITECTURES):
        monkeypatch.delitem(ARCHITECTURES, name)
    monkeypatch.setitem(ARCHITECTURES, "tiny", "tiny_architecture")
    monkeypatch.setattr(training_queue, "CLASSICAL", {})
    for where in (training_queue, training_run, zoo):
        monkeypatch.setattr(where, "CARDS", tmp_path / "cards")
    monkeypatch.setattr(training_run, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path / "weights")
