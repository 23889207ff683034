"""A saved net with its contract."""

from pathlib import Path

import pytest

from fer_models.foreign.contract_file import write_contract
from tests.fer_models.foreign.small_nets import CONTRACT, softmax_model


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.keras"
    softmax_model().save(path)
    write_contract(CONTRACT, tmp_path / "net.keras.contract.json")
    return path
