"""Open an `.onnx` file with ONNX Runtime."""

from pathlib import Path

import numpy as np

from fer_models.foreign.one_in_one_out import require_one
from fer_models.foreign.raw_model import RawModel


def open_onnx(path: Path, sha256: str) -> RawModel:
    """Open an ONNX model of one input and one output, channels first or last.

    Raises:
        ImportError: ONNX Runtime is not installed.
        ValueError: more inputs or outputs.
    """
    from onnxruntime import InferenceSession

    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    require_one(len(session.get_inputs()), len(session.get_outputs()))
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
