"""Open a `.tflite` file; integer inputs and outputs are quantised and restored."""

from pathlib import Path
from typing import Any

import numpy as np

from fer_models.foreign.one_in_one_out import require_one
from fer_models.foreign.raw_model import RawModel


def open_tflite(path: Path, sha256: str) -> RawModel:
    """Open a TFLite model of one input and one output; it is called image by image.

    Raises:
        ValueError: not a TFLite file, or more inputs or outputs.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    require_one(len(interpreter.get_input_details()), len(interpreter.get_output_details()))
    entry, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, channels = map(int, entry["shape"])

    def call(images: np.ndarray) -> np.ndarray:
        outputs = []
        for image in images:
            interpreter.set_tensor(entry["index"], quantised(image[None], entry))
            interpreter.invoke()
            outputs.append(restored(interpreter.get_tensor(answer["index"]), answer))
        return np.concatenate(outputs)

    return RawModel(str(path), call, (height, width, channels), None, sha256)


def quantised(values: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """Float values as the number format of a tensor, whose details are `entry`."""
    if entry["dtype"] is np.float32:
        return values
    scale, zero = _quantisation(entry)
    limits = np.iinfo(entry["dtype"])
    return np.clip(np.round(values / scale + zero), limits.min, limits.max).astype(entry["dtype"])


def restored(values: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """Float values of a tensor, whose details are `entry`."""
    if entry["dtype"] is np.float32:
        return values
    scale, zero = _quantisation(entry)
    return (values.astype(np.float32) - zero) * scale


def _quantisation(entry: dict[str, Any]) -> tuple[float, int]:
    """Scale and zero point; a scale of 0 in the file means integers as they are."""
    scale, zero = entry["quantization"]
    return scale or 1.0, zero
