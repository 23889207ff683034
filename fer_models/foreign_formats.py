"""Open somebody else's model by its path: `.keras .h5 .hdf5`, SavedModel, `.tflite .onnx`, code.

What its pixels and outputs mean is not here: see `fer_models/contract_file.py`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from datasets.errors import InputError
from fer_models.foreign_names import files_sha256, is_code


@dataclass(frozen=True)
class RawModel:
    """A model as its file gives it.

    Attributes:
        name: path or `module:callable`.
        call: float32 (N, h, w, c), scaled as the model wants, to outputs (N, K).
        shape: (h, w, c) it takes, None where the file does not say.
        keras_model: the model itself when it is differentiable.
        sha256: of its files.
        softmax_removed: whether a last softmax was found and taken off.
    """

    name: str
    call: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, int, int] | None
    keras_model: keras.Model | None
    sha256: str
    softmax_removed: bool = False


def open_model(name: str) -> RawModel:
    """Open a model.

    Raises:
        InputError: no such file, not a model, or a runtime is missing.
    """
    sha256 = files_sha256(name)
    if is_code(name):
        return _from_code(name, sha256)
    path = Path(name)
    openers: dict[str, Callable[[Path, str], RawModel]] = {
        ".keras": _from_keras,
        ".h5": _from_keras,
        ".hdf5": _from_keras,
        ".tflite": _from_tflite,
        ".onnx": _from_onnx,
    }
    try:
        return openers.get(path.suffix, _from_saved_model)(path, sha256)
    except ImportError as error:
        raise InputError(
            f"{path}: needs a package that is not installed ({error.name}): "
            "pip install 'deadpan[onnx]'."
        ) from error
    except Exception as error:  # every runtime has its own kinds
        detail = str(error).strip().split("\n")[0][:200]
        raise InputError(
            f"{path}: expected a whole model, got {type(error).__name__}: {detail}"
        ) from error


def _from_keras(path: Path, sha256: str) -> RawModel:
    model = keras.models.load_model(path, compile=False)
    if len(model.inputs) != 1:
        raise ValueError(f"it takes {len(model.inputs)} inputs, not one")
    model, removed = strip_softmax(model)
    model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    shape = tuple(model.input_shape[1:])
    known = shape if len(shape) == 3 and None not in shape else None
    return RawModel(
        str(path),
        lambda x: np.asarray(model(x, training=False)),
        known,
        model,
        sha256,
        removed,
    )


def strip_softmax(model: keras.Model) -> tuple[keras.Model, bool]:
    """The model up to its last softmax, and whether there was one."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    ):
        return keras.Model(model.inputs[0], last.input, name=model.name), True
    if getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name), True
    return model, False


def _from_saved_model(path: Path, sha256: str) -> RawModel:
    for endpoint in ("serve", "serving_default"):
        try:
            layer = keras.layers.TFSMLayer(str(path), call_endpoint=endpoint)
            break
        except ValueError:
            continue
    else:
        raise ValueError("a SavedModel with the endpoint serve or serving_default")

    def call(images: np.ndarray) -> np.ndarray:
        outputs = layer(images)
        return np.asarray(next(iter(outputs.values())) if isinstance(outputs, dict) else outputs)

    return RawModel(str(path), call, None, None, sha256)


def _from_tflite(path: Path, sha256: str) -> RawModel:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    entry, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, channels = map(int, entry["shape"])

    def call(images: np.ndarray) -> np.ndarray:
        outputs = []
        for image in images:
            interpreter.set_tensor(entry["index"], _quantised(image[None], entry))
            interpreter.invoke()
            outputs.append(_restored(interpreter.get_tensor(answer["index"]), answer))
        return np.concatenate(outputs)

    return RawModel(str(path), call, (height, width, channels), None, sha256)


def _quantised(values: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    if entry["dtype"] is np.float32:
        return values
    scale, zero = entry["quantization"]
    limits = np.iinfo(entry["dtype"])
    return np.clip(np.round(values / scale + zero), limits.min, limits.max).astype(entry["dtype"])


def _restored(values: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    if entry["dtype"] is np.float32:
        return values
    scale, zero = entry["quantization"]
    return (values.astype(np.float32) - zero) * scale


def _from_onnx(path: Path, sha256: str) -> RawModel:
    from onnxruntime import InferenceSession

    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    _, *sides = entry.shape
    channels_first = sides[0] in (1, 3) and sides[-1] not in (1, 3)
    height, width, channels = [*sides[1:], sides[0]] if channels_first else sides
    known = all(isinstance(side, int) for side in (height, width, channels))

    def call(images: np.ndarray) -> np.ndarray:
        batch = images.transpose(0, 3, 1, 2) if channels_first else images
        if entry.shape[0] == 1:
            return np.concatenate([session.run(None, {entry.name: one[None]})[0] for one in batch])
        return session.run(None, {entry.name: batch})[0]

    shape = (height, width, channels) if known else None
    return RawModel(str(path), call, shape, None, sha256)


def _from_code(name: str, sha256: str) -> RawModel:
    module, _, attribute = name.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{name}: expected module:callable; {error}.") from error
    if not callable(function):
        raise InputError(f"{name}: expected module:callable; got {type(function).__name__}.")
    return RawModel(name, lambda x: np.asarray(function(x)), None, None, sha256)
