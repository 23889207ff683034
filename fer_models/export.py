"""`python -m fer_models.export ID --format keras|json|onnx|pt2|tflite --out FILE`.

The result is self-contained: float32, pixels in [0, 1] in, logits out, no Deadpan needed. Images
are (N, H, W, C); in `pt2`, the format of `torch.export`, (N, C, H, W).
"""

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.atomic import atomic
from datasets.base.commands import run
from datasets.base.errors import InputError, words_of
from datasets.base.writable import check_file
from fer_models.backend import quiet_backend
from fer_models.zoo import card_of, load, split_defences

if TYPE_CHECKING:
    import numpy as np

    from fer_models.keras_classifier import KerasClassifier


_TOLERANCE = 1e-3
"""Largest difference of logits after conversion."""


class Format(StrEnum):
    """File formats; `json` is the architecture, with a `.weights.h5` file next to it."""

    KERAS = "keras"
    JSON = "json"
    ONNX = "onnx"
    PT2 = "pt2"
    TFLITE = "tflite"


def main(
    model: Annotated[str, typer.Argument(help="Model id such as simple_cnn.fer, or a folder.")],
    format: Annotated[Format, typer.Option(help="File format.")] = Format.KERAS,
    out: Annotated[Path | None, typer.Option(help="File to write. Default: ID.FORMAT.")] = None,
) -> None:
    """Write a classifier as a stand-alone model."""
    path = out or Path(f"{Path(model).resolve().name}.{format}")
    check_file(path, f".{format}")
    needed = ("onnx", "onnxruntime", "tf2onnx")
    if format is Format.ONNX and not all(map(find_spec, needed)):
        raise InputError("--format onnx needs three more packages: pip install -e '.[onnx]'.")
    if format is Format.PT2 and not find_spec("torch"):
        raise InputError("--format pt2 needs PyTorch: pip install -e '.[torch]'.")
    base, defences = split_defences(model)
    if defences:
        raise InputError(f"defences are not exported; got {model}. Export the net, {base}.")
    card_of(model)
    quiet_backend()
    from fer_models.keras_classifier import KerasClassifier

    classifier = load(model)
    if not isinstance(classifier, KerasClassifier):
        raise InputError(f"only neural nets are exported; {model} is none.")
    classifier.logits(_probe(classifier))  # refuses a net of NaN before anything is written
    if format is Format.JSON:
        _write_json(path, classifier)
    else:
        with atomic(path) as unfinished:
            _write(unfinished, format, classifier)
            if format is not Format.KERAS:
                require_equal_logits(unfinished, classifier, path)
    print(f"{path}: {', '.join(classifier.scheme.classes)}; pixels in [0, 1], logits out")


def _write_json(path: Path, classifier: "KerasClassifier") -> None:
    """Write the architecture, and the weights beside it."""
    weights = path.with_suffix(".weights.h5")
    with atomic(path) as unfinished, atomic(weights) as unfinished_weights:
        unfinished.write_text(classifier.model.to_json(indent=2))
        classifier.model.save_weights(unfinished_weights)


def _write(path: Path, format: Format, classifier: "KerasClassifier") -> None:
    """Write a file of any format but json."""
    import numpy as np

    model = classifier.model
    match format:
        case Format.KERAS:
            model.save(path)
        case Format.ONNX:
            model(np.zeros((1, *model.input_shape[1:]), np.float32))
            model.export(path, format="onnx", verbose=False)
        case Format.PT2:
            _write_pt2(path, classifier)
        case Format.TFLITE:
            model.export(path, format="litert", verbose=False)


def _write_pt2(path: Path, classifier: "KerasClassifier") -> None:
    from fer_models.pytorch.port import write_pt2
    from fer_models.pytorch.ported_layers import NotPortableError

    try:
        write_pt2(classifier.model, path)
    except NotPortableError as what:
        raise InputError(
            f"--format pt2 knows the layers of common nets; {classifier.id} holds {what}. "
            "Take --format keras or onnx."
        ) from what


def require_equal_logits(path: Path, classifier: "KerasClassifier", named: Path) -> None:
    """Refuse a file whose logits differ from the classifier's; converters have bugs.

    Args:
        path: the file.
        classifier: what it was written from.
        named: what the user calls it.

    Raises:
        InputError: it cannot be opened, or logits differ by more than 0.001 or are NaN.
    """
    import numpy as np

    from fer_models.foreign.formats import open_model

    images = _probe(classifier)
    try:
        answers = open_model(str(path)).call(images)
    except InputError as error:
        raise InputError(
            f"{named}: the converted model must be readable, so it was not written; "
            f"{words_of(error)}. Take another --format."
        ) from error
    difference = np.abs(answers - classifier.logits(images)).max()
    if not difference <= _TOLERANCE:
        raise InputError(
            f"{named}: logits of the converted model must equal those of {classifier.id}; they "
            f"differ by up to {difference:.2g}, so it was not written. Take another --format."
        )


def _probe(classifier: "KerasClassifier") -> "np.ndarray":
    """A few images of noise, float32 (N, H, W, C)."""
    import numpy as np

    return np.random.default_rng(0).random((4, *classifier.model.input_shape[1:]), np.float32)


if __name__ == "__main__":
    run(main, prog="python -m fer_models.export")
