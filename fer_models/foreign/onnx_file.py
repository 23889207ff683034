"""Open an `.onnx` file with ONNX Runtime; translated to PyTorch it has gradients."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_models.foreign.one_input import require_one
from fer_models.foreign.raw_model import RawModel, Translated

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


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
    _, *sides = session.get_inputs()[0].shape
    height, width, channels = [*sides[1:], sides[0]] if _channels_first(session) else sides
    known = all(isinstance(side, int) for side in (height, width, channels))

    def call(images: np.ndarray) -> Any:
        outputs = _ask(session, images)
        return outputs if len(names) > 1 else outputs[0]

    return RawModel(
        str(path),
        call,
        (height, width, channels) if known else None,
        None,
        sha256,
        outputs=names if len(names) > 1 else (),
        translate=partial(_translate, path, session),
    )


def _channels_first(session: "InferenceSession") -> bool:
    _, *sides = session.get_inputs()[0].shape
    return sides[0] in (1, 3) and sides[-1] not in (1, 3)


def _ask(session: "InferenceSession", images: np.ndarray) -> list[np.ndarray]:
    """All outputs for images (N, h, w, c), image by image where the file is for one."""
    entry = session.get_inputs()[0]
    batch = images.transpose(0, 3, 1, 2) if _channels_first(session) else images
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
    from onnxruntime import InferenceSession

    from fer_models.pytorch.onnx.last_softmax import without_softmax
    from fer_models.pytorch.onnx.translation import TOLERANCE, Layout, translate

    model, output = onnx.load(path), session.get_outputs()[place].name
    answers, is_cut = _ask(session, images)[place], False
    cut = without_softmax(model, output)
    if cut is not None:
        shorter = InferenceSession(cut.SerializeToString(), providers=["CPUExecutionProvider"])
        logits = _ask(shorter, images)[place]
        is_cut = np.allclose(_softmax(logits), answers, atol=TOLERANCE)  # is it over the classes?
        model, answers = (cut, logits) if is_cut else (model, answers)
    layout = Layout.CHANNELS_FIRST if _channels_first(session) else Layout.CHANNELS_LAST
    return Translated(
        translate(model, output, layout, columns, images, answers[:, columns]), is_cut
    )


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return shares
