"""Commands that read labelled faces take the same options for them."""

import importlib
import re
from pathlib import Path

import pytest

from datasets.data_options import DataOptions

COMMANDS = {
    "evaluation.run": "CommandRequest",
    "evaluation.verify": "VerifyRequest",
    "attacks.generate": "GenerateRequest",
    "attacks.train": "AdversarialRequest",
    "fer_models.train": "TrainRequest",
    "fer_models.probe": "ProbeRequest",
    "datasets.inspect": "InspectRequest",
    "datasets.export": "ExportRequest",
}
OWN_DATA = {
    "evaluation/cards.py",
    "datasets/fetch.py",
    "faces/mean_shape.py",
    "fer_models/train_landmarks.py",
    "fer_models/generator/card.py",
    "fer_models/generator/sample.py",
    "fer_models/generator/train.py",
}
"""Commands for FER2013 alone: they fetch it, made parts of the package from it, or measure the
shipped models on it (there `--format` is that of the output)."""
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_takes_every_option_for_data(command: str) -> None:
    request = getattr(importlib.import_module(command), COMMANDS[command])
    assert issubclass(request, DataOptions)


def test_no_other_command_reads_faces_in_a_way_of_its_own() -> None:
    found = set()
    for room in ("datasets", "faces", "fer_models", "attacks", "evaluation", "live"):
        for path in (ROOT / room).rglob("*.py"):
            source = path.read_text()
            reads = re.search(r"datasets\.read import|data_or_default", source)
            if reads and '__name__ == "__main__"' in source:
                found.add(path.relative_to(ROOT).as_posix())
    assert found == OWN_DATA
