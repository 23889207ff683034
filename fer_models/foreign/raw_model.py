"""A model as its file holds it, and calling it with every answer checked.

Not here: opening files (`fer_models/foreign/formats.py`), and what pixels and outputs mean
(`fer_models/foreign/contract_file.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from datasets.base.errors import words_of
from fer_models.classifier import ModelError, require_finite

if TYPE_CHECKING:
    import keras


class Translated(NamedTuple):
    """A model as a PyTorch module.

    Attributes:
        module: takes (N, C, height, width) scaled as the model expects, returns (N, K).
        softmax_removed: whether a last softmax was found and removed.
    """

    module: Any
    softmax_removed: bool


@dataclass(frozen=True)
class RawModel:
    """A model as its file holds it.

    Attributes:
        name: path or `module:callable`.
        call: float32 (N, h, w, c), scaled as the model expects, to outputs (N, K); to a list or
            dictionary of them where there are several.
        shape: (h, w, c) of its input, None where the file does not say.
        keras_model: the model itself when it is a Keras model or layer.
        sha256: hash of its files.
        softmax_removed: whether a last softmax was found and removed.
        outputs: names of its outputs where the file says that there are several, else empty.
        place: of the output that the contract names, among those of the file.
        translate: makes a PyTorch module of the output at a place and of some of its columns, and
            compares both on images (N, h, w, c), scaled; raises `NoTranslationError`. None where
            no file of its format can be translated.
        torch_module: the model itself when it is a PyTorch net (`fer_models/pytorch/net.py`).
        limits: smallest and largest value that its input takes, beyond which values are cut off;
            None where any is taken.
        step: distance between neighbouring values that its input takes; 0 where any is taken.
        export_for_any: how to export it for any number of images, where its file is for one; such a
            model is used where its translation takes any number, and else refused.
    """

    name: str
    call: Callable[[np.ndarray], Any]
    shape: tuple[int, int, int] | None
    keras_model: "keras.Layer | None"
    sha256: str
    softmax_removed: bool = False
    outputs: tuple[str, ...] = ()
    place: int = 0
    translate: Callable[[int, Sequence[int], np.ndarray], Translated] | None = None
    torch_module: Any = None
    limits: tuple[float, float] | None = None
    step: float = 0.0
    export_for_any: str = ""


def has_steps(net: "keras.Layer") -> bool:
    """Whether the steps of a Keras net are known, from its input to its outputs."""
    return getattr(net, "outputs", None) is not None


def ask(raw: RawModel, images: np.ndarray) -> np.ndarray:
    """Call a model and check its outputs.

    Args:
        raw: the opened model.
        images: float32 (N, h, w, c), scaled as the model expects.

    Returns:
        Outputs, float32 or float64 (N, K).

    Raises:
        ModelError: the model fails, or its outputs are not (N, K) finite numbers.
    """
    answer = ask_without_check(raw, images)
    require_finite(raw.name, images, answer)
    return answer


def ask_without_check(raw: RawModel, images: np.ndarray) -> np.ndarray:
    """The same, where NaN and infinity are found later, after all images are classified."""
    try:
        called = raw.call(images)
        if len(several := outputs_of(called)) > 1:
            raise ModelError(unnamed(raw.name, list(several)))
        answer = np.asarray(next(iter(several.values())) if several else called)
        if answer.dtype.kind == "c":
            raise TypeError(f"it returns {answer.dtype}, not real numbers")
    except ModelError:
        raise
    except (Exception, SystemExit) as error:  # every runtime has its own kinds
        is_torch = raw.torch_module is not None
        raise ModelError(failed(raw.name, images.shape, error, is_torch)) from error
    answer = _numbers(raw.name, answer)
    if answer.ndim != 2 or len(answer) != len(images):
        raise ModelError(
            f"{raw.name}: must return (N, K) for N images; it returned {answer.shape} for "
            f"{len(images)}. Export it with one row per image."
        )
    return answer


def _numbers(model: str, answer: np.ndarray) -> np.ndarray:
    """An answer as float32 or float64."""
    if answer.dtype == np.float32:
        return answer
    try:
        return answer.astype(np.float64)
    except (TypeError, ValueError) as error:  # words, dictionaries
        raise ModelError(
            f"{model}: must return (N, K) numbers for N images; read as numbers its answer "
            f"fails: {words_of(error)}. Return one row of numbers per image, in the order of its "
            "classes."
        ) from error


def failed(
    model: str, shape: tuple[int, ...], error: BaseException, channels_first: bool = False
) -> str:
    """The error of a model that fails on images of a shape (N, h, w, c).

    `channels_first`: it is given them as (N, c, h, w).
    """
    axes = "(N, c, h, w)" if channels_first else "(N, h, w, c)"
    given = (shape[0], shape[3], *shape[1:3]) if channels_first else shape
    return (
        f"{model}: must take float32 images {axes}; given {given} it fails: "
        f"{words_of(error)}. Correct its contract, or export it so."
    )


def outputs_of(answer: Any) -> dict[str, Any]:
    """The named outputs of a dictionary, a dataclass or a list of arrays; else empty.

    A list of plain rows is one array. What a dataclass leaves None is no output.
    """
    if is_dataclass(answer):
        named = ((field.name, getattr(answer, field.name)) for field in fields(answer))
        return {name: value for name, value in named if value is not None}
    if isinstance(answer, Mapping):
        return {str(name): value for name, value in answer.items()}
    if isinstance(answer, list | tuple) and any(np.ndim(value) >= 2 for value in answer):
        return {f"output_{place}": value for place, value in enumerate(answer)}
    return {}


def unnamed(model: str, names: Sequence[str]) -> str:
    """The error of a model of several outputs whose contract names none."""
    return (
        f"{model}: it has {len(names)} outputs, {', '.join(names)}; its contract must name the "
        'emotions: write "output_name" or, by place from 0, "output_index".'
    )


def first_answers(raw: RawModel, images: np.ndarray) -> np.ndarray:
    """Call a model with one image, then with two: does it take batches of any size?

    Arguments, returns and errors as for `ask`.
    """
    ask(raw, images[:1])
    return ask(raw, images)


_ROUNDED = 0.01
"""Most that a probability loses where it is cut to whole percents; 8 bits round it by less."""
_WHOLES = (1, 100)
"""Sums of probabilities, and of percentages."""


def are_probabilities(answers: np.ndarray, is_part: bool = False) -> bool:
    """Whether outputs (N, K) can be probabilities, or percentages: at least 0, sums as of a whole.

    `is_part`: they are some columns of a wider output, so that they may sum to less.
    """
    sums = answers.sum(axis=1, dtype=np.float64)  # of float32, masked classes would be infinite
    within = sum_within(answers.shape[1])
    most = max(_WHOLES) * (1 + within)
    is_whole = bool((sums <= most).all()) if is_part else off_whole(sums) <= within
    return bool(answers.min() >= -1e-6 and is_whole)


def are_some_probabilities(answers: np.ndarray) -> bool:
    """Whether outputs (N, K) to faces are some columns of probabilities, or of percentages.

    Some columns of percentages sum to nearly 100 on the face that they suit best.
    """
    sums, within = answers.sum(axis=1, dtype=np.float64), sum_within(answers.shape[1])
    most = float(sums.max())
    is_share = most <= 1 + within or off_whole(np.array([most])) <= within
    return is_share and are_probabilities(answers, is_part=True)


def sum_within(count: int) -> float:
    """How far from 1 the sum of so many probabilities may be, each of them rounded."""
    return _ROUNDED * count


def off_whole(sums: np.ndarray) -> float:
    """Largest distance of sums (N,) from 1, or from 100 as a share of it where that is nearer."""
    return min(float(np.abs(sums / whole - 1).max()) for whole in _WHOLES)


def are_from_sigmoid(answers: np.ndarray) -> bool:
    """Whether outputs (N, K), which are no probabilities, can be those of a sigmoid: in [0, 1].

    Where all are 0, they tell nothing.
    """
    return bool(answers.min() >= 0 and 0 < answers.max() <= 1)
