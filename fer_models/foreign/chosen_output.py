"""Which output of a model, and which of its columns, are the emotions, as its contract says.

Multi-task nets answer valence, arousal or age beside the emotions, in outputs or columns of their
own.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_models.classifier import ModelError
from fer_models.foreign.contract_file import ContractFile, PartialContract
from fer_models.foreign.raw_model import RawModel, has_steps, outputs_of, unnamed

if TYPE_CHECKING:
    import keras


def emotions_of(raw: RawModel, file: ContractFile | PartialContract) -> RawModel:
    """The same model with the output and the columns alone that its contract names.

    Args:
        raw: an opened model.
        file: what is known of its contract.

    Raises:
        ModelError: there is no such output or column, or several outputs and none is named. Of
            models whose file does not list their outputs, the first call raises it.
    """
    raw = _with_steps(raw, file)
    return _with_columns(_with_one_output(raw, file), file.columns)


def _with_steps(raw: RawModel, file: ContractFile | PartialContract) -> RawModel:
    """The same model; its steps are known if it is a Keras net and its size is."""
    height, width, channels = raw.shape or (file.height, file.width, file.channels)
    if raw.keras_model is None or has_steps(raw.keras_model):
        return raw
    if height is None or width is None or channels is None:
        return raw
    from fer_models.foreign.keras_net import with_steps

    return with_steps(raw, raw.keras_model, (height, width, channels))


def _with_one_output(raw: RawModel, file: ContractFile | PartialContract) -> RawModel:
    wanted = file.output_index if file.output_name is None else file.output_name
    unknown = raw.keras_model is None or not has_steps(raw.keras_model)
    if unknown and not raw.outputs:
        if wanted is None:
            return raw
        pick = partial(_part, raw.name, wanted=wanted)
        if raw.torch_module is not None:
            from fer_models.pytorch.net import with_output

            return with_output(raw, raw.torch_module, pick)
        return replace(raw, call=lambda images: pick(raw.call(images)))
    names = raw.outputs or _names(raw.keras_model)
    if wanted is None and len(names) > 1:
        raise ModelError(unnamed(raw.name, names))
    place = _place(raw.name, names, wanted)
    if raw.keras_model is None:
        return replace(raw, call=lambda images: raw.call(images)[place], outputs=(), place=place)
    if len(names) == 1:
        return raw
    import keras

    from fer_models.softmax import strip_softmax

    whole = raw.keras_model
    model, removed = strip_softmax(
        keras.Model(whole.inputs[0], whole.outputs[place], name=whole.name)
    )
    return _of_keras(replace(raw, outputs=(), softmax_removed=removed), model)


def _with_columns(raw: RawModel, columns: tuple[int, ...] | None) -> RawModel:
    if columns is None:
        return raw
    if raw.keras_model is None or not has_steps(raw.keras_model):
        return replace(raw, call=lambda images: _columns(raw.name, raw.call(images), columns))
    from fer_models.foreign.keras_columns import with_columns

    answer = raw.keras_model.outputs[0]
    if len(answer.shape) == 2:
        _check_columns(raw.name, answer.shape[1], columns)
    return _of_keras(raw, with_columns(raw.keras_model, columns))


def _of_keras(raw: RawModel, model: "keras.Model") -> RawModel:
    return replace(
        raw, keras_model=model, call=lambda images: np.asarray(model(images, training=False))
    )


def _names(model: "keras.Model | None") -> list[str]:
    assert model is not None
    return [str(name) for name in model.output_names]


def _place(model: str, names: Sequence[str], wanted: str | int | None) -> int:
    """Index of the wanted output among the names."""
    if wanted is None:
        return 0
    if isinstance(wanted, str) and list(names).count(wanted) == 1:
        return list(names).index(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        return wanted
    field = "output_name" if isinstance(wanted, str) else "output_index"
    listed = ", ".join(f"{place} {name}" for place, name in enumerate(names))
    has = f"has {'several' if wanted in names else 'no'} {field} {wanted!r}"
    step = 'Write "output_index" instead' if wanted in names else "Correct its contract"
    raise ModelError(f"{model}: it {has}; its outputs are {listed}. {step}.")


def _part(model: str, answer: Any, wanted: str | int) -> Any:
    """The wanted one of several outputs; a model of one output answers an array."""
    named = outputs_of(answer) or {"output_0": answer}
    return list(named.values())[_place(model, list(named), wanted)]


def _columns(model: str, answer: Any, columns: tuple[int, ...]) -> np.ndarray:
    values = np.asarray(answer)
    if values.ndim != 2:
        return values  # `ask` says what it must be
    _check_columns(model, values.shape[1], columns)
    return values[:, list(columns)]


def _check_columns(model: str, count: int | None, columns: tuple[int, ...]) -> None:
    if count is not None and max(columns) >= count:
        raise ModelError(
            f"{model}: its output has the columns 0 to {count - 1}; its contract names column "
            f"{max(columns)}. Correct `columns`."
        )
