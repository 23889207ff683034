"""Hostile model files: each is refused in one line, or is a model that answers.

Where a framework is not installed, its files are left out.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from fer_models.contract import Output
from fer_models.foreign.classifier import classify_with
from fer_models.foreign.formats import open_model
from tests.fer_models.conftest import tiny_model
from tests.fer_models.foreign.small_nets import CONTRACT
from tests.fuzz.hostile import damage, damaged, inputs, survives

OF_LOGITS = CONTRACT.model_copy(update={"output": Output.LOGITS})
IMAGES = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)


def _keras(path: Path) -> None:
    tiny_model().save(path)


def _tflite(path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(tiny_model()).convert())


def _onnx(path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from tests.fer_models.foreign.test_onnx_gradients import channels_last

    onnx.save(channels_last(), path)


def _script(path: Path) -> None:
    torch = pytest.importorskip("torch")
    from tests.fer_models.pytorch.nets import tiny_module

    torch.jit.trace(tiny_module(), torch.zeros(2, 1, 8, 8)).save(str(path))


def _exported(path: Path) -> None:
    torch = pytest.importorskip("torch")
    from tests.fer_models.pytorch.nets import tiny_module

    sizes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(
        tiny_module(), (torch.zeros(2, 1, 8, 8),), dynamic_shapes=sizes, strict=False
    )
    torch.export.save(program, path)


def _state_dict(path: Path) -> None:
    torch = pytest.importorskip("torch")
    from tests.fer_models.pytorch.nets import tiny_module

    torch.save(tiny_module().state_dict(), path)


def _safetensors(path: Path) -> None:
    save_file = pytest.importorskip("safetensors.torch").save_file
    from tests.fer_models.pytorch.nets import tiny_module

    save_file(tiny_module().state_dict(), path)


FORMS: dict[str, Callable[[Path], None]] = {
    "net.keras": _keras,
    "net.h5": _keras,
    "net.tflite": _tflite,
    "net.onnx": _onnx,
    "net.ts": _script,
    "net.pt2": _exported,
    "weights.pt": _state_dict,
    "weights.safetensors": _safetensors,
}
"""What writes a whole file."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Returns the content of a whole file by its name; each is written once."""
    folder = tmp_path_factory.mktemp("models")

    def content(name: str) -> bytes:
        if not (folder / name).exists():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of tracing, and of the old format of Keras
                FORMS[name](folder / name)
        return (folder / name).read_bytes()

    return content


def answer(path: Path) -> np.ndarray:
    """What the model in a file answers; weights alone need the code of their net."""
    code = "tests.fer_models.pytorch.nets:tiny_module@" if path.stem == "weights" else ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify_with(open_model(f"{code}{path}"), OF_LOGITS).logits(IMAGES)


@pytest.mark.parametrize("name", FORMS)
def test_whole_models_answer(name: str, whole: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(whole(name))
    assert answer(path).shape == (2, 7)


@pytest.mark.parametrize(
    "name", [pytest.param("net.keras", marks=pytest.mark.slow), *list(FORMS)[1:]]
)
@inputs(len(FORMS))
@given(steps=damage)
def test_model_files(
    name: str,
    whole: Callable[[str], bytes],
    tmp_path: Path,
    steps: list[tuple[str, int, int]],
) -> None:
    path = tmp_path / name
    path.write_bytes(damaged(whole(name), steps))
    survives(lambda: answer(path), tmp_path)
