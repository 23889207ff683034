"""Weights on disk: float16 arrays in one `.npz`, in the order of the model's weights.

An array with a number beyond float16, such as the variance of unscaled features, stays float32.
Of weights whose halves mirror each other (`Mirrored`) the first half is kept.
Seed states of dropout layers are not weights and are left out.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from datasets.base.atomic import atomic
from datasets.base.errors import DAMAGED_ARRAYS, InputError
from fer_models.architectures.mirrored import Mirrored


def save_weights(model: keras.Model, path: Path) -> None:
    """Write the model's weights, atomically; see `model_arrays`."""
    write_arrays(model_arrays(model), path)


def load_weights(model: keras.Model, path: Path) -> None:
    """Read weights into the model, in place.

    Raises:
        InputError: the file is missing, cut short, or does not fit the model.
    """
    fill(model, read_arrays(path), path)


def model_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """The model's weights as float16, or float32 where that overflows, named by their place."""
    return {f"{i:03d}": _rounded(_kept(v)) for i, v in enumerate(_variables(model))}


def fill(model: keras.Model, named: dict[str, np.ndarray], path: Path) -> None:
    """Put arrays of `model_arrays` into a model, in place.

    Raises:
        InputError: they do not fit the model.
    """
    arrays = [named[name] for name in sorted(named)]
    variables = _variables(model)
    expected = [_kept(variable).shape for variable in variables]
    found = [array.shape for array in arrays]
    if expected != found:
        first = next((pair for pair in zip(expected, found) if pair[0] != pair[1]), None)
        detail = f"first difference {first}" if first else f"{len(expected)} and {len(found)}"
        raise InputError(
            f"{path}: weights do not fit {model.name}: expected and found shapes differ ({detail})."
        )
    for variable, array in zip(variables, arrays):
        whole = variable.constraint.whole(array) if _is_mirrored(variable) else array
        variable.assign(whole.astype(np.float32))


def write_arrays(arrays: dict[str, Any], path: Path) -> None:
    """Write an `.npz` without pickle, atomically."""
    with atomic(path) as unfinished:
        np.savez_compressed(unfinished, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` by name.

    Raises:
        InputError: the file is missing or cut short.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except DAMAGED_ARRAYS as error:
        raise InputError(
            f"{path}: expected an intact .npz of weights, got {type(error).__name__}: {error}. "
            "Restore the file, or train the model again with `python -m fer_models.train`."
        ) from error


def _kept(variable: keras.Variable) -> np.ndarray:
    array = np.asarray(variable)
    return variable.constraint.half(array) if _is_mirrored(variable) else array


def _is_mirrored(variable: keras.Variable) -> bool:
    return isinstance(variable.constraint, Mirrored)


def _rounded(array: np.ndarray) -> np.ndarray:
    fits = np.abs(array).max(initial=0) <= np.finfo(np.float16).max
    return array.astype(np.float16 if fits else np.float32)


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [variable for variable in model.weights if "seed" not in variable.path.split("/")[-1]]
