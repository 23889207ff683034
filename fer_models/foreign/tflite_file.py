"""Open a `.tflite` file; integer inputs and outputs are quantised and restored."""

from pathlib import Path
from typing import Any

import numpy as np

from fer_models.foreign.input_layout import layout_of, require_one
from fer_models.foreign.raw_model import RawModel


def open_tflite(path: Path, sha256: str) -> RawModel:
    """Open a TFLite model of one input, see `layout_of`; it is called image by image.

    Raises:
        ValueError: not a TFLite file, more inputs, or one that holds no images.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    require_one(len(interpreter.get_input_details()))
    entry, answers = interpreter.get_input_details()[0], interpreter.get_output_details()
    layout = layout_of([int(side) for side in entry["shape_signature"][1:]])
    plain: Any = Interpreter(
        str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )

    def call(images: np.ndarray) -> Any:
        nonlocal plain
        arranged = layout.arrange(images)
        if plain is not None:  # asked once
            _require_weights(plain, arranged[0])
            plain = None
        rows = []
        for image in arranged:
            _run(interpreter, image)
            rows.append([restored(interpreter.get_tensor(a["index"]), a) for a in answers])
        outputs = [np.concatenate(each) for each in zip(*rows, strict=True)]
        return outputs if len(answers) > 1 else outputs[0]

    names = tuple(a["name"] for a in answers) if len(answers) > 1 else ()
    return RawModel(
        str(path),
        call,
        layout.shape,
        None,
        sha256,
        outputs=names,
        limits=limits_of(entry),
        step=step_of(entry),
    )


def _run(interpreter: Any, image: np.ndarray) -> None:
    """Run on one image, arranged as the model takes it; an input of free size takes its size."""
    (entry,) = interpreter.get_input_details()
    if tuple(entry["shape"]) != (1, *image.shape):
        interpreter.resize_tensor_input(entry["index"], (1, *image.shape))
        interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], quantised(image[None], entry))
    interpreter.invoke()


def _require_weights(plain: Any, image: np.ndarray) -> None:
    """Refuse a file without its weights; delegates answer from unset memory instead of failing.

    Args:
        plain: an interpreter without delegates.
        image: arranged as the model takes it.
    """
    plain.allocate_tensors()
    try:
        _run(plain, image)
    except RuntimeError as error:
        if "read_variable" not in str(error):
            raise
        raise ValueError(
            "its file holds variables that nothing sets, so its weights are missing; convert it "
            "with TFLiteConverter.from_keras_model"
        ) from error


def quantised(values: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """Float values as the number format of a tensor, whose details are `entry`."""
    if entry["dtype"] is np.float32:
        return values
    scale, zero = _quantisation(entry)
    limits = np.iinfo(entry["dtype"])
    return np.clip(np.round(values / scale + zero), limits.min, limits.max).astype(entry["dtype"])


def limits_of(entry: dict[str, Any]) -> tuple[float, float] | None:
    """Smallest and largest value that a tensor holds, whose details are `entry`; None: any."""
    if not issubclass(entry["dtype"], np.integer):
        return None
    ends = np.iinfo(entry["dtype"])
    low, high = restored(np.array([ends.min, ends.max]), entry)
    return float(low), float(high)


def step_of(entry: dict[str, Any]) -> float:
    """Distance between neighbouring values of a tensor, whose details are `entry`; 0: any."""
    return float(_quantisation(entry)[0]) if issubclass(entry["dtype"], np.integer) else 0.0


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
