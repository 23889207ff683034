"""Open an `.onnx` file with ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np

from fer_models.foreign.one_input import require_one
from fer_models.foreign.raw_model import RawModel


def open_onnx(path: Path, sha256: str) -> RawModel:
    """Open an ONNX model of one input, channels first or last.

    Raises:
        ImportError: ONNX Runtime is not installed.
        ValueError: more inputs.
    """
    from onnxruntime import InferenceSession

    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    require_one(len(session.get_inputs()))
    names = tuple(output.name for output in session.get_outputs())
    entry = session.get_inputs()[0]
    _, *sides = entry.shape
    channels_first = sides[0] in (1, 3) and sides[-1] not in (1, 3)
    height, width, channels = [*sides[1:], sides[0]] if channels_first else sides
    known = all(isinstance(side, int) for side in (height, width, channels))

    def call(images: np.ndarray) -> Any:
        batch = images.transpose(0, 3, 1, 2) if channels_first else images
        one_by_one = entry.shape[0] == 1
        parts = np.split(batch, len(batch)) if one_by_one else [batch]
        answers = [session.run(None, {entry.name: part}) for part in parts]
        outputs = [np.concatenate(each) for each in zip(*answers, strict=True)]
        return outputs if len(names) > 1 else outputs[0]

    shape = (height, width, channels) if known else None
    return RawModel(str(path), call, shape, None, sha256, outputs=names if len(names) > 1 else ())
