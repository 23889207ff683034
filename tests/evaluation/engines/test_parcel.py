"""Models that travel to a worker by id or by content."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7
from evaluation.engines.parcel import Parcel, parcel_of
from fer_models.foreign.contract_file import ContractFile, write_contract
from fer_models.identity import fixed_images
from fer_models.zoo import load
from tests.fer_models.foreign.small_nets import CONTRACT, softmax_model

FACES = np.zeros((1, 48, 48, 1), np.uint8)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    path = tmp_path / "here" / "net.keras"
    softmax_model().save(path)
    write_contract(CONTRACT, path.with_name("net.keras.contract.json"))
    return path


def sent(parcel: Parcel | None) -> Parcel:
    assert parcel is not None
    arrived: Parcel = pickle.loads(pickle.dumps(parcel))
    return arrived


def test_a_file_arrives_with_its_contract_name_and_answers(saved: Path, tmp_path: Path) -> None:
    model = f"{saved}+bits3"
    here = load(model)
    here.id = "net-2"
    parcel = sent(parcel_of(model, here))
    saved.unlink()
    there = parcel.unpack(tmp_path / "worker", FACES)
    assert (there.id, there.weights_sha256) == ("net-2", here.weights_sha256)
    images = fixed_images()
    np.testing.assert_array_equal(there.logits(images), here.logits(images))


def test_an_onnx_file_arrives_with_the_weights_beside_it(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from tests.fer_models.pytorch.onnx.graphs import model_of

    dense = np.random.default_rng(0).normal(0, 1, (64, 7)).astype(np.float32)
    rows = onnx.helper.make_node("Flatten", ["x"], ["row"])
    logits = onnx.helper.make_node("MatMul", ["row", "dense"], ["y"])
    net = model_of([rows, logits], ("N", 8, 8, 1), [onnx.numpy_helper.from_array(dense, "dense")])
    (tmp_path / "here").mkdir()
    path = tmp_path / "here" / "net.onnx"
    onnx.save(net, path, save_as_external_data=True, location="net.onnx.data", size_threshold=99)
    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    write_contract(file, path.with_name("net.onnx.contract.json"))
    here = load(str(path))
    there = sent(parcel_of(str(path), here)).unpack(tmp_path / "worker", FACES)
    assert there.weights_sha256 == here.weights_sha256


def test_other_content_is_refused_on_arrival(saved: Path, tmp_path: Path) -> None:
    parcel = sent(parcel_of(str(saved), load(str(saved))))
    with pytest.raises(InputError, match="expected sha256 0000"):
        replace(parcel, weights_sha256="0" * 64).unpack(tmp_path / "worker", FACES)


def test_a_shipped_model_travels_by_its_id(tmp_path: Path) -> None:
    here = load("tiny.fer")
    parcel = sent(parcel_of("tiny.fer", here))
    assert parcel.files == {} and parcel.contract is None
    assert parcel.unpack(tmp_path, FACES).weights_sha256 == here.weights_sha256
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("model", ["json:loads", "face.http.toml"])
def test_code_and_services_stay_with_the_driver(model: str) -> None:
    assert parcel_of(model, None) is None  # type: ignore[arg-type]
