"""The examples of `docs/bring-your-model.md` on files and code, followed in a folder."""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from fer_models import zoo
from fer_models.classifier import DifferentiableClassifier
from fer_models.foreign.contract_file import ContractFile
from fer_models.foreign.names import contract_path
from tests.docs.guide import parse_command

PAGE = (Path(__file__).parents[2] / "docs" / "bring-your-model.md").read_text()
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
BLACK_BOXES = {"net.tflite", "mycode:predict"}


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def linear() -> keras.Model:
    model = keras.Sequential(
        [keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)]
    )
    model(np.zeros((1, 48, 48, 1), np.float32))
    return model


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TorchScript
@pytest.mark.parametrize(
    ("title", "commands"),
    [
        ("PyTorch, exported", 1),
        ("PyTorch, TorchScript", 1),
        ("PyTorch, weights and code", 1),
        ("Keras", 1),
        ("SavedModel", 1),
        ("ONNX", 1),
        ("TFLite", 1),
        ("Code", 2),
    ],
)
def test_a_format_is_measured_as_written(
    title: str, commands: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 7))
    names: dict[str, Any] = {"torch": torch, "net": net, "model": linear()}
    text, found = section(title), 0
    for match in FENCED.finditer(text):
        kind, block = match.groups()
        modules = re.findall(r"In `(\w+\.py)`", text[: match.start()])
        if kind == "python" and "def " in block:
            Path(modules[-1]).write_text(block)
            monkeypatch.delitem(sys.modules, modules[-1][:-3], raising=False)
        elif kind == "python":
            exec(block, names)
        for line in block.splitlines() if not kind else []:
            parse_command(line)
            measured(shlex.split(line)[-1])
            found += 1
    assert found == commands


def measured(name: str) -> None:
    """Load a model with the contract of the page and ask it."""
    fields = json.loads(next(block for kind, block in FENCED.findall(PAGE) if kind == "json"))
    contract_path(name).write_text(ContractFile(**fields).model_dump_json())
    classifier = zoo.load(name)
    assert isinstance(classifier, DifferentiableClassifier) == (name not in BLACK_BOXES)
    images = np.random.default_rng(0).random((3, 48, 48, 1), np.float32)
    assert np.ptp(classifier.logits(images)) > 0


@pytest.mark.slow
def test_an_object_is_measured_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ((_, code),) = FENCED.findall(section("Python object"))
    names: dict[str, Any] = {"net": linear()}
    exec(code, names)
    (entry,) = names["run"].manifest["models"].values()
    assert not entry["black_box"]


def test_every_section_is_in_the_table() -> None:
    table = PAGE.partition("| format |")[2].partition("\n\n")[0]
    anchors = set(re.findall(r"\(#([\w-]+)\)", table))
    titles = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    sections = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    assert anchors <= sections
    assert {name for name in sections if not name.startswith("pytorch")} <= anchors
