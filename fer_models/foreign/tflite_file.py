"""Open a `.tflite` file; integer inputs and outputs are quantised and restored."""

from pathlib import Path
from typing import Any

import numpy as np

from fer_models.foreign.one_input import require_one
from fer_models.foreign.raw_model import RawModel


def open_tflite(path: Path, sha256: str) -> RawModel:
    """Open a TFLite model of one input; it is called image by image.

    Raises:
        ValueError: not a TFLite file, or more inputs.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    require_one(len(interpreter.get_input_details()))
    entry, answers = interpreter.get_input_details()[0], interpreter.get_output_details()
    _, height, width, channels = map(int, entry["shape"])

    def call(images: np.ndarray) -> Any:
        rows = []
        for image in images:
            interpreter.set_tensor(entry["index"], quantised(image[None], entry))
            interpreter.invoke()
            rows.append([restored(interpreter.get_tensor(a["index"]), a) for a in answers])
        outputs = [np.concatenate(each) for each in zip(*rows, strict=True)]
        return outputs if len(answers) > 1 else outputs[0]

    names = tuple(a["name"] for a in answers) if len(answers) > 1 else ()
    return RawModel(str(path), call, (height, width, channels), None, sha256, outputs=names)


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
