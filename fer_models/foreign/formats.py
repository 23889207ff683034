"""Open somebody else's model by its path: `.keras .h5 .hdf5`, SavedModel, `.tflite .onnx`, code.

What its pixels and outputs mean is not here: see `fer_models/foreign/contract_file.py`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import keras
import numpy as np

from datasets.base.errors import InputError
from fer_models.classifier import ModelError
from fer_models.foreign.names import files_sha256, is_code
from fer_models.softmax import strip_softmax


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
            f"{path}: expected a whole model, got {type(error).__name__}: {detail}. "
            "Save it again, or name code that calls it: module:callable."
        ) from error


def ask(raw: RawModel, images: np.ndarray) -> np.ndarray:
    """What a model answers to images.

    Args:
        raw: the opened model.
        images: float32 (N, h, w, c), scaled as the model wants.

    Returns:
        float32 or float64 (N, K).

    Raises:
        ModelError: it fails, or answers other than (N, K) finite numbers.
    """
    try:
        answer = np.asarray(raw.call(images))
        if answer.dtype.kind == "c":
            raise TypeError(f"it answers {answer.dtype}, not real numbers")
        answer = answer if answer.dtype == np.float32 else answer.astype(np.float64)
    except (Exception, SystemExit) as error:  # every runtime has its own kinds
        detail = str(error).strip().split("\n")[0][:200]
        raise ModelError(
            f"{raw.name}: must take float32 images (N, h, w, c); given {images.shape} it fails, "
            f"{type(error).__name__}: {detail}. Correct its contract, or export it so."
        ) from error
    if answer.ndim != 2 or len(answer) != len(images):
        raise ModelError(
            f"{raw.name}: must answer (N, K) to N images; it answered {answer.shape} to "
            f"{len(images)}. Export it so that every image has a row."
        )
    if not np.isfinite(answer).all():
        worst = images[~np.isfinite(answer).all(axis=1)][0]
        raise ModelError(
            f"{raw.name}: must answer finite numbers; it answered NaN or infinity to an image "
            f"from {worst.min():g} to {worst.max():g}. Correct its contract or its weights."
        )
    return answer


def first_answers(raw: RawModel, images: np.ndarray) -> np.ndarray:
    """What a model answers to two images, after one alone: whether it takes batches of any size.

    Arguments, returns and errors as for `ask`.
    """
    ask(raw, images[:1])
    return ask(raw, images)


def are_probabilities(answers: np.ndarray) -> bool:
    """Whether answers (N, K) can be probabilities; those of 8 bits sum to 1 within 2 %."""
    return bool(answers.min() >= -1e-6 and (np.abs(answers.sum(axis=1) - 1) <= 2e-2).all())


def _from_keras(path: Path, sha256: str) -> RawModel:
    if path.suffix == ".keras" and path.is_file() and not is_zipfile(path):
        raise ValueError("it is no zip as .keras files are")  # Keras says: File not found
    model = keras.models.load_model(path, compile=False)
    _check_one(len(model.inputs), len(model.outputs))
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


def _check_one(inputs: int, outputs: int) -> None:
    if inputs != 1:
        raise ValueError(f"it takes {inputs} inputs, not one")
    if outputs != 1:
        raise ValueError(f"it gives {outputs} outputs, not one: export the emotions alone")


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
        outputs = keras.tree.flatten(layer(images))
        _check_one(1, len(outputs))
        return np.asarray(outputs[0])

    return RawModel(str(path), call, None, None, sha256)


def _from_tflite(path: Path, sha256: str) -> RawModel:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    _check_one(len(interpreter.get_input_details()), len(interpreter.get_output_details()))
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
    scale, zero = _quantisation(entry)
    limits = np.iinfo(entry["dtype"])
    return np.clip(np.round(values / scale + zero), limits.min, limits.max).astype(entry["dtype"])


def _restored(values: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    if entry["dtype"] is np.float32:
        return values
    scale, zero = _quantisation(entry)
    return (values.astype(np.float32) - zero) * scale


def _quantisation(entry: dict[str, Any]) -> tuple[float, int]:
    """Scale and zero point; a file says scale 0 of integers that are meant as they are."""
    scale, zero = entry["quantization"]
    return scale or 1.0, zero


def _from_onnx(path: Path, sha256: str) -> RawModel:
    from onnxruntime import InferenceSession

    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    _check_one(len(session.get_inputs()), len(session.get_outputs()))
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
    except (Exception, SystemExit) as error:  # whatever the code of others does on import
        raise InputError(
            f"{name}: expected module:callable; importing it gives {type(error).__name__}: {error}."
        ) from error
    if not callable(function):
        raise InputError(f"{name}: expected module:callable; got {type(function).__name__}.")
    # copies: it may work in place, or answer in a buffer of its own
    return RawModel(name, lambda x: np.array(function(x.copy())), None, None, sha256)
