"""Open a model that is code: `module:callable`."""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from datasets.base.errors import InputError
from fer_models.foreign.raw_model import RawModel


def open_callable(name: str, sha256: str) -> RawModel:
    """Import a callable.

    Raises:
        InputError: the module fails on import, has no such name, or it cannot be called.
    """
    module, _, attribute = name.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever the code of others does on import
        raise InputError(
            f"{name}: expected module:callable; importing it raises {type(error).__name__}: "
            f"{error}."
        ) from error
    if not callable(function):
        raise InputError(f"{name}: expected module:callable; got {type(function).__name__}.")
    # copies: it may work in place, or answer in a buffer of its own
    return RawModel(name, lambda images: _copied(function(images.copy())), None, None, sha256)


def _copied(answer: Any) -> Any:
    """Copies of the array or arrays of an answer."""
    if isinstance(answer, Mapping):
        return {name: np.array(value) for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [np.array(value) for value in answer]
    return np.array(answer)
