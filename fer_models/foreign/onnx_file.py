"""Open an `.onnx` file with ONNX Runtime; translated to PyTorch it has gradients."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax

from datasets.base.errors import InputError
from datasets.base.threads import threads
from fer_models.foreign.input_layout import InputLayout, layout_of, require_one
from fer_models.foreign.raw_model import RawModel, Translated

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NUMBERS: dict[str, type[np.number]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
"""Number formats of an input, as ONNX Runtime calls them."""
_FATAL = 4
"""ONNX Runtime's level of log lines of what ends the process."""
_EXTERNAL = re.compile(r'External data path .* "([^"]+)"')
_CODES = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : "
    r"|Load model from .*? failed:\s*"
    r"|/\S+\.cc:\d+ \S.*\) (?=[A-Z])"
)


def _session(model: str | bytes) -> "InferenceSession":
    """Start ONNX Runtime on a file or its bytes, with the threads of this process.

    It says nothing on standard error: what fails is raised, too.
    """
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = _FATAL
    if (count := threads()) is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = count
    return InferenceSession(model, options, providers=["CPUExecutionProvider"])


def open_onnx(path: Path, sha256: str) -> RawModel:
    """Open an ONNX model of one input; see `layout_of` for its axes.

    Raises:
        ImportError: ONNX Runtime is not installed.
        InputError: it takes a fixed number of images, and more than one, or its weights are in a
            file that is missing.
        ValueError: not an ONNX file, an unknown operator, more inputs, or one that holds no images.
    """
    try:
        session = _session(str(path))
    except Exception as error:  # its runtime has many kinds
        raise _refusal(path, error) from error
    require_one(len(session.get_inputs()))
    names = tuple(output.name for output in session.get_outputs())
    entry = session.get_inputs()[0]
    kind, count = entry.type, entry.shape[0] if entry.shape else None
    if kind not in NUMBERS:
        raise ValueError(f"its input holds {kind}, not numbers of a usual format")

    export = f'torch.onnx.export(..., dynamic_axes={{"{entry.name}": {{0: "batch"}}}})'
    if isinstance(count, int) and count > 1:
        raise InputError(
            f"{path}: must take any number of images; it takes exactly {count}. Export it by "
            f"{export}."
        )

    def call(images: np.ndarray) -> Any:
        outputs = _ask(session, images)
        return outputs if len(names) > 1 else outputs[0]

    return RawModel(
        str(path),
        call,
        _layout(session).shape,
        None,
        sha256,
        outputs=names if len(names) > 1 else (),
        translate=partial(_translate, path, session),
        limits=_limits(NUMBERS[kind]),
        step=float(issubclass(NUMBERS[kind], np.integer)),
        export_for_any=export if count == 1 else "",
    )


def as_numbers(values: np.ndarray, numbers: type[np.number]) -> np.ndarray:
    """Values in a number format; integers are rounded and clipped to their range."""
    if not issubclass(numbers, np.integer):
        return values.astype(numbers, copy=False)
    limits = np.iinfo(numbers)
    return np.clip(np.round(values), limits.min, limits.max).astype(numbers)


def _limits(numbers: type[np.number]) -> tuple[float, float] | None:
    if not issubclass(numbers, np.integer):
        return None
    return float(np.iinfo(numbers).min), float(np.iinfo(numbers).max)


def _refusal(path: Path, error: Exception) -> ValueError:
    """Why ONNX Runtime cannot open a file, without its codes and places in its source."""
    said = str(error)
    if missing := _EXTERNAL.search(said):
        return InputError(
            f"{path}: its weights are in another file, {Path(missing[1]).name}, which is missing. "
            f"Copy it beside {path.name}."
        )
    if "Protobuf parsing failed" in said or "No graph was found" in said:
        return ValueError("it is not an ONNX file, or it is cut short")
    return ValueError(_CODES.sub("", said).strip() or type(error).__name__)


def _layout(session: "InferenceSession") -> InputLayout:
    return layout_of(session.get_inputs()[0].shape[1:])


def _ask(session: "InferenceSession", images: np.ndarray) -> list[np.ndarray]:
    """All outputs for images (N, h, w, c), image by image where the file is for one."""
    entry = session.get_inputs()[0]
    batch = as_numbers(_layout(session).arrange(images), NUMBERS[entry.type])
    parts = np.split(batch, len(batch)) if entry.shape[0] == 1 else [batch]
    answers = [session.run(None, {entry.name: part}) for part in parts]
    return [np.concatenate(each) for each in zip(*answers, strict=True)]


def _translate(
    path: Path, session: "InferenceSession", place: int, columns: Sequence[int], images: np.ndarray
) -> Translated:
    """See `RawModel.translate`; a last softmax is left out.

    Raises:
        ImportError: `onnx` or PyTorch is not installed.
        NoTranslationError: a part of the graph is not known, or the answers differ.
    """
    import onnx

    from fer_models.pytorch.onnx.last_softmax import without_softmax
    from fer_models.pytorch.onnx.translation import TOLERANCE, Layout, translate

    model, output = onnx.load(path), session.get_outputs()[place].name
    answers, is_cut = _ask(session, images)[place], False
    cut = without_softmax(model, output)
    if cut is not None:
        shorter = _session(cut.SerializeToString())
        logits = _ask(shorter, images)[place]
        over_classes = softmax(logits, axis=1)
        is_cut = np.allclose(over_classes, answers, atol=TOLERANCE)
        model, answers = (cut, logits) if is_cut else (model, answers)
    by_axes = {1: Layout.FLAT, 2: Layout.NO_CHANNELS, 3: Layout.CHANNELS_LAST}
    found = _layout(session)
    layout = Layout.CHANNELS_FIRST if found.channels_first else by_axes[len(found.sides)]
    return Translated(
        translate(model, output, layout, columns, images, answers[:, columns]), is_cut
    )
