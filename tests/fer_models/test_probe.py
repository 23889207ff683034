"""The command that finds a contract: its faces, the image size, and how a model is attacked."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7
from datasets.source import Source
from fer_models.foreign.contract_file import (
    ContractFile,
    read_contract,
    write_contract,
)
from fer_models.foreign.names import contract_path
from fer_models.probe import ProbeRequest, main


def by_brightness(images: np.ndarray) -> np.ndarray:
    """Takes grey levels of 48x48 images; each class has 20 of them."""
    if images.shape[1:] != (48, 48, 1):
        raise ValueError("another size")
    level = images.mean(axis=(1, 2, 3))[:, None]
    return -np.abs(level - 20 * np.arange(7) - 60) / 4


def net() -> keras.Model:
    """The same as a net: logits c_k l - c_k^2 / 2 are largest where the level l is nearest c_k."""
    images = keras.Input((48, 48, 1))
    dense = keras.layers.Dense(7)
    model = keras.Model(images, dense(keras.layers.GlobalAveragePooling2D()(images)))
    centres = (20 * np.arange(7) + 60).astype(np.float32)
    dense.set_weights([centres[None] / 50, -(centres**2) / 100])
    return model


def faces() -> FaceSet:
    rng = np.random.default_rng(0)
    labels = np.arange(210) % 7
    shown = np.where(rng.random(210) < 0.1, rng.integers(0, 7, 210), labels)
    levels = (20 * shown + 60)[:, None, None, None] + rng.integers(-9, 10, (210, 48, 48, 1))
    images = levels.astype(np.uint8)
    return FaceSet("grey", Split.PUBLIC_TEST, images, np.arange(210), labels, None, None)


def probe(model: str, **options: Any) -> None:
    main(ProbeRequest(model=model, **options))


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the data that the command reads."""
    seen: list[str] = []

    def open_source(data: object, **_: object) -> Source:
        seen.append(str(data))
        given = faces()
        splits = np.full(len(given), str(given.split))
        return Source(given.name, str(data), given.images, given.row_ids, splits, given.fer)

    monkeypatch.setattr("faces.labelled.open_source", open_source)
    return seen


def test_a_function_is_a_black_box_of_the_size_it_takes(
    asked_for: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEADPAN_DATA", "from-the-environment")
    probe(f"{__name__}:by_brightness", faces=105, write=True)
    assert asked_for == ["from-the-environment"]
    printed, log = capsys.readouterr()
    assert "takes images of 48x48x1 alone" in log
    assert "attacks   black box: models of its kind give no gradients" in printed
    (written,) = tmp_path.glob("*.contract.json")
    assert (read_contract(written).height, read_contract(written).high) == (48, 255)
    probe(f"{__name__}:by_brightness", data="other", faces=105)
    assert asked_for[1:] == ["other"]


def test_a_net_is_a_white_box(asked_for: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    probe(f"{__name__}:net", data="given", faces=105)
    assert "attacks   white box, with its gradients" in capsys.readouterr().out


def test_a_complete_contract_is_read_however_few_faces_are_right(
    asked_for: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Scaled to 0 to 1 every face is angry: one class of seven, 14.3 %."""
    monkeypatch.chdir(tmp_path)
    whole = ContractFile(classes=FER7.classes, height=48, width=48, channels=1, low=0, high=0.5)
    write_contract(whole, contract_path(f"{__name__}:by_brightness"))
    probe(f"{__name__}:by_brightness", faces=105)
    printed, log = capsys.readouterr()
    assert "the probe asks in the scaling of the contract: 105 images" in log
    assert ": 14.3 % of 105 faces, balanced over classes (+- 3.4)\n" in printed
    assert "  scaling   of its contract\n" in printed and "  sure" not in printed
    assert "attacks   black box: models of its kind give no gradients" in printed
    partial = whole.model_dump(exclude={"classes"}, mode="json", exclude_none=True)
    contract_path(f"{__name__}:by_brightness").write_text(json.dumps(partial))
    with pytest.raises(InputError, match=r"more than 1\d % of the faces, balanced over classes, "):
        probe(f"{__name__}:by_brightness", faces=105)


def test_write_leaves_a_model_one_contract(
    asked_for: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"{__name__}:by_brightness"
    path = contract_path(name).with_suffix(".toml")
    path.write_text("low = 0")
    with pytest.raises(InputError, match=r"\.toml: --write writes JSON.*\.json, then probe"):
        probe(name, write=True)
    assert not asked_for


def test_an_onnx_file_says_why_it_is_a_black_box(
    asked_for: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from tests.fer_models.pytorch.onnx.graphs import model_of

    make = onnx.helper.make_node
    nodes = [
        make("GlobalAveragePool", ["x"], ["level"]),
        make("Sub", ["level", "centres"], ["off"]),
        make("Abs", ["off"], ["far"]),
        make("Mul", ["far", "slope"], ["near"]),
        make("Round", ["near"], ["rounded"]),
        make("Flatten", ["rounded"], ["y"]),
    ]
    centres = (20 * np.arange(7) + 60).astype(np.float32).reshape(1, 7, 1, 1)
    stored = [
        onnx.numpy_helper.from_array(centres, "centres"),
        onnx.numpy_helper.from_array(np.float32(-1), "slope"),
    ]
    onnx.save(model_of(nodes, ("N", 1, 48, 48), stored), tmp_path / "net.onnx")
    probe(str(tmp_path / "net.onnx"), data="given", faces=105)
    assert "attacks   black box: Round of opset 13 is not known" in capsys.readouterr().out


def test_a_missing_model_is_one_line_before_any_data_are_read(asked_for: list[str]) -> None:
    with pytest.raises(InputError, match="found no such file"):
        probe("missing.onnx")
    assert not asked_for
