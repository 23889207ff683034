"""The JSON that a service answers, as outputs (N, K); anything unclear is an error, not a guess."""

import json
from typing import Any

import numpy as np

from fer_models.contract import Output
from fer_models.foreign.raw_model import sum_within
from fer_models.services.service_file import ServiceFile, places

_SHOWN = 60
"""Characters of an answer that an error quotes."""


class AnswerError(ValueError):
    """The answer of a service is not what its contract says."""


def read_answer(data: bytes, count: int, file: ServiceFile) -> np.ndarray:
    """Outputs of N images: scores, or 1 for the label and 0 for other classes.

    Percentages are divided by 100.

    Args:
        data: body of the answer.
        count: N, images of the request.
        file: where the scores are, and what they are.

    Returns:
        float64 (N, K), K columns in the order of `file.classes` or, without classes, of the answer.

    Raises:
        AnswerError: not JSON, no such place, another number of images or classes, an unknown class,
            NaN or infinity, or no probabilities where the contract says so.
    """
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        raise AnswerError(f"its answer must be JSON; got {_quoted(data)}") from None
    rows = [_row(entry, file) for entry in _entries(answer, count, file)]
    if len({len(row) for row in rows}) != 1:
        raise AnswerError("it returned different numbers of scores for different images")
    outputs = np.array(rows, np.float64)
    if not np.isfinite(outputs).all():
        raise AnswerError("it returned NaN or infinity")
    if file.output is Output.PROBABILITIES:
        return _probabilities(outputs)
    return outputs


def _entries(answer: Any, count: int, file: ServiceFile) -> list[Any]:
    """What stands at the path of the contract, one entry per image."""
    found, steps = [answer], places(file.answer)
    for place in steps:
        if place is None:
            images = found[0]
            if not isinstance(images, list) or len(images) != count:
                size = len(images) if isinstance(images, list) else type(images).__name__
                raise AnswerError(
                    f"{file.answer!r} must be a list of {count}, one per image; got {size}"
                )
            found = images
            continue
        try:
            found = [_step(entry, place) for entry in found]
        except (LookupError, TypeError):
            raise AnswerError(
                f"its answer must have {file.answer!r}; got {_quoted(json.dumps(answer).encode())}"
            ) from None
    return found


def _step(entry: Any, place: str | int) -> Any:
    if isinstance(entry, dict) != isinstance(place, str):
        raise TypeError
    return entry[place]


def _row(entry: Any, file: ServiceFile) -> list[float]:
    """Outputs of one image."""
    if file.labels_only:
        assert file.classes is not None
        index = _class_index(entry, file.classes)
        return [float(index == k) for k in range(len(file.classes))]
    if isinstance(entry, list) and entry and all(isinstance(one, dict) for one in entry):
        entry = _by_name(entry)
    if isinstance(entry, dict):
        return _named_scores(entry, file)
    if not isinstance(entry, list) or len(entry) < 2:
        raise AnswerError(f"the scores of an image must be a list; got {_quoted_json(entry)}")
    if file.classes is not None and len(entry) != len(file.classes):
        raise AnswerError(f"its contract names {len(file.classes)} classes; got {len(entry)}")
    return [_number(score) for score in entry]


def _by_name(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """`[{"label": "happy", "score": 0.9}, ...]` as Hugging Face answers, by the label."""
    try:
        found = {str(one["label"]): one["score"] for one in entries}
    except KeyError:
        raise AnswerError(
            f"scores in objects must have label and score; got {_quoted_json(entries[0])}"
        ) from None
    if len(found) != len(entries):
        raise AnswerError("it returned a class twice for one image")
    return found


def _named_scores(scores: dict[str, Any], file: ServiceFile) -> list[float]:
    names = {name.strip().lower(): score for name, score in scores.items()}
    if file.classes is None:
        listed = ", ".join(f'"{name}"' for name in scores)
        raise AnswerError(f"its scores have names: add classes = [{listed}]")
    wanted = [name.strip().lower() for name in file.classes]
    if missing := [name for name in wanted if name not in names]:
        raise AnswerError(
            f"it returned no score for {', '.join(missing)}: ask it for all classes, such as with "
            "top_k in body"
        )
    if extra := set(names) - set(wanted):
        raise AnswerError(f"it returned a score for {min(extra)}, which `classes` does not list")
    return [_number(names[name]) for name in wanted]


def _class_index(label: Any, classes: tuple[str, ...]) -> int:
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(classes):
        return label
    names = [name.strip().lower() for name in classes]
    if isinstance(label, str) and label.strip().lower() in names:
        return names.index(label.strip().lower())
    raise AnswerError(f"its label must be one of classes or an index; got {_quoted_json(label)}")


def _number(score: Any) -> float:
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise AnswerError(f"a score must be a number; got {_quoted_json(score)}")
    try:
        return float(score)
    except OverflowError:
        return float("inf")


def _probabilities(outputs: np.ndarray) -> np.ndarray:
    """Probabilities or percentages as shares; they may be rounded, see `sum_within`."""
    sums, within = outputs.sum(axis=1), sum_within(outputs.shape[1])
    for whole in (1.0, 100.0):
        if outputs.min() >= -1e-6 * whole and (np.abs(sums - whole) <= within * whole).all():
            return outputs / whole
    raise AnswerError(
        "its contract says probabilities, which must be at least 0 and sum to 1 (or 100); got "
        f"{outputs.min():.3g} to {outputs.max():.3g}, sum {sums[0]:.3g}, as logits may"
    )


def _quoted_json(value: Any) -> str:
    return _quoted(json.dumps(value).encode())


def _quoted(data: bytes) -> str:
    """The beginning of an answer in one line, nothing that a terminal obeys."""
    text = " ".join(data[: 4 * _SHOWN].decode("utf-8", "replace").split())
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return repr(plain[:_SHOWN] + ("..." if len(plain) > _SHOWN else "")) if plain else "nothing"
