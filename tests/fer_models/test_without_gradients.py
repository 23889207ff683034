"""Nets whose gradient is zero are black boxes; those with some gradient are not."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from datasets.labels import FER7
from fer_models.classifier import Classifier, DifferentiableClassifier, ModelError
from fer_models.foreign.classifier import load_foreign
from fer_models.foreign.contract_file import ContractFile
from fer_models.given_objects import named
from fer_models.keras_classifier import wrap
from tests.fer_models.conftest import tiny_model
from tests.fer_models.pytorch.nets import tiny_module, tiny_torch

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
FILE = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
ZERO = "its gradient is zero on each of 64 faces: it is quantised, rounds, or leaves "
WHY = f"{ZERO}PyTorch by no_grad or detach"
OF_KERAS = f"{ZERO}TensorFlow by stop_gradient or numpy_function"
IMAGES = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)


class Net(nn.Module):
    """A net whose `kind` says what happens to its answer, or to its images."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.net = kind, tiny_module()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        match self.kind:
            case "round":
                return self.net(torch.round(images))
            case "argmax":
                return 4.0 * nn.functional.one_hot(self.net(images).argmax(1), 7)
            case "no_grad":
                with torch.no_grad():
                    return self.net(images)
            case "numpy":
                return torch.tensor(self.net(images).detach().numpy())
            case "root":
                return (
                    self.net(images)
                    + 0 * images.diff(dim=2).square().sum((1, 2, 3)).sqrt()[:, None]
                )
            case "nan":  # the answers to faces of one grey level
                return self.net(images) + 0 / images.diff(dim=2).square().sum((2, 3))
            case "steps":
                return self.net(images // 0.1)
            case "from numpy":
                return torch.from_numpy(self.net(images).numpy())
            case "checkpoint":
                return checkpoint(self.net, images, use_reentrant=True)
            case "one logit":
                return torch.cat([self.net(images)[:, :6].round(), self.net(images)[:, 6:]], dim=1)
            case "one face":  # of 64, the only one without a black corner
                return self.net(images) * (images[:, 0, 0, :1] > 0.5)
        return self.net(images)


def net_of(net: nn.Module, faces: np.ndarray | None = None) -> Classifier:
    with named([net], FILE.model_dump(exclude_none=True)) as (name,):
        return load_foreign(name, FILE, faces)


def require_black_box(classifier: Classifier, name: str, err: str, why: str = WHY) -> None:
    assert not isinstance(classifier, DifferentiableClassifier)
    assert classifier.no_gradients == why
    assert err.splitlines() == [f"{name}: attacked as a black box, because {why}."]


@pytest.mark.parametrize("kind", ["round", "argmax", "no_grad", "numpy"])
def test_a_net_with_no_gradient_is_a_black_box(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    net = Net(kind)
    require_black_box(found := net_of(net), "object:Net", capsys.readouterr().err)
    with torch.no_grad():
        expected = net(torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found.logits(IMAGES), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["", "one logit", "one face"])
def test_a_net_with_any_gradient_is_a_white_box(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = np.zeros((64, 8, 8, 1), np.uint8)
    faces[50] = 255
    assert isinstance(net_of(Net(kind), faces), DifferentiableClassifier)
    assert not capsys.readouterr().err


def test_a_net_whose_gradient_is_not_finite_is_a_black_box(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The root of 0 has no slope: every face of one grey level is NaN."""
    faces = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    assert isinstance(net_of(Net("root"), faces), DifferentiableClassifier)
    faces[12] = 128
    why = (
        "its gradient is NaN or infinite on 1 of 7 faces, as where a net takes the root of 0 or "
        "divides by it"
    )
    require_black_box(net_of(Net("root"), faces), "object:Net", capsys.readouterr().err, why)


def test_a_net_that_answers_nan_to_a_face_keeps_its_gradients(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever classifies the face is told so; the gradient is not what is wrong there."""
    faces = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    faces[12] = 128
    found = net_of(Net("nan"), faces)
    assert isinstance(found, DifferentiableClassifier) and not capsys.readouterr().err
    with pytest.raises(ModelError, match="answered NaN or infinity for 1 of 20 images, first in r"):
        found.logits(faces.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("steps", "RuntimeError: derivative for aten::floor_divide is not implemented"),
        ("from numpy", "RuntimeError: Can't call numpy() on Tensor that requires grad"),
        ("checkpoint", "RuntimeError: When use_reentrant=True, torch.utils.checkpoint is incompat"),
    ],
)
def test_a_net_whose_gradient_fails_is_a_black_box(
    kind: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = net_of(net := Net(kind))
    assert found.no_gradients.startswith(f"its gradient fails: {words}")
    require_black_box(found, "object:Net", capsys.readouterr().err, found.no_gradients)
    with torch.no_grad():
        expected = net(torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found.logits(IMAGES), expected, atol=1e-5)


def test_an_export_that_rounds_is_a_black_box(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(
        Net("round").eval(), (torch.zeros(2, 1, 8, 8),), dynamic_shapes=batch
    )
    torch.export.save(program, path := tmp_path / "net.pt2")
    require_black_box(load_foreign(str(path), FILE), str(path), capsys.readouterr().err)


def quantised(path: Path, *rest: nn.Module) -> nn.Module:
    """A TorchScript file of a net with a quantised layer; the float net."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 7), *rest).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch means to move it elsewhere
        small = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
        torch.jit.script(small).save(path)
    return net


@pytest.mark.parametrize(("softmax", "output"), [(False, "logits"), (True, "probabilities")])
def test_a_quantised_script_is_a_black_box_of_its_logits(
    softmax: bool, output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = quantised(path := tmp_path / "net.ts", *([nn.Softmax(1)] if softmax else []))
    capsys.readouterr()
    found = load_foreign(str(path), FILE.model_copy(update={"output": output}))
    require_black_box(found, str(path), capsys.readouterr().err)
    with torch.no_grad():
        expected = net[:2](torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found.logits(IMAGES), expected, atol=0.05)


def test_pytorch_gives_its_authors_advice_to_nobody(tmp_path: Path) -> None:
    quantised(path := tmp_path / "net.ts")
    Path(f"{path}.contract.json").write_text(FILE.model_dump_json())
    code = f"from fer_models.zoo import load; load({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == [f"{path}: attacked as a black box, because {WHY}."]


class HalfQuantised(nn.Module):
    """Part of its answer comes through a quantised layer, part through a float one."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.net = nn.Sequential(nn.Linear(64, 7)), nn.Conv2d(1, 7, 8)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.small(images.flatten(1)) + self.net(images).flatten(1)


def test_a_graph_with_a_usable_gradient_stays_a_white_box(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = torch.ao.quantization.quantize_dynamic(HalfQuantised().eval(), {nn.Linear})
    assert isinstance(net_of(net), DifferentiableClassifier)
    assert "black box" not in capsys.readouterr().err


def test_a_given_classifier_without_gradient_is_a_black_box(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with named([tiny_torch(Net("round"))]) as (name,):
        require_black_box(load_foreign(name), name, capsys.readouterr().err)
    with named([tiny_torch()]) as (name,):
        assert isinstance(load_foreign(name), DifferentiableClassifier)


@keras.saving.register_keras_serializable("tests")
class Rounds(keras.layers.Layer):
    """Pixels in whole numbers, or a hundredth of the way back to what they were."""

    def __init__(self, share: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        return keras.ops.round(4 * images) / 4 + self.share * images

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "share": self.share}


def keras_net(share: float = 0.0) -> keras.Model:
    images = keras.Input((8, 8, 1))
    return keras.Model(images, tiny_model()(Rounds(share)(images)))


def keras_file(folder: Path) -> str:
    keras_net().save(path := folder / "net.keras")
    return str(path)


def saved_model(folder: Path) -> str:
    keras_net().export(path := folder / "net", verbose=False)
    return str(path)


@pytest.mark.parametrize("save", [keras_file, saved_model])
def test_a_keras_net_with_no_gradient_is_a_black_box(
    save: Callable[[Path], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name = save(tmp_path)
    capfd.readouterr()
    found = load_foreign(name, FILE)
    said = [line for line in capfd.readouterr().err.splitlines() if "black box" in line]
    require_black_box(found, name, "\n".join(said), OF_KERAS)
    np.testing.assert_allclose(found.logits(IMAGES), keras_net()(IMAGES), atol=1e-5)


def test_a_given_keras_net_or_classifier_without_gradient_is_a_black_box(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with named([keras_net()], FILE.model_dump(exclude_none=True)) as (name,):
        require_black_box(load_foreign(name, FILE), name, capsys.readouterr().err, OF_KERAS)
    with named([wrap(keras_net(), FILE.contract()[0])]) as (name,):
        require_black_box(load_foreign(name), name, capsys.readouterr().err, OF_KERAS)
    with named([wrap(keras_net(0.01), FILE.contract()[0])]) as (name,):
        assert isinstance(load_foreign(name), DifferentiableClassifier)
    assert not capsys.readouterr().err
