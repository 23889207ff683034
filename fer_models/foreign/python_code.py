"""Open a model that is code: `module:net`, `module:factory[@weights]` or `module:callable`.

A net is differentiable. So is what a factory returns, a function or class that takes no arguments;
`@` names a file of weights for it. A function of images is a black box.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base.errors import InputError
from fer_models.foreign.framework_net import (
    is_class_of_nets,
    is_keras_net,
    is_net,
    open_net,
)
from fer_models.foreign.names import PICKLES, import_fails, split_code
from fer_models.foreign.raw_model import RawModel
from fer_models.pytorch.pickles import refuse_pickle


def open_code(name: str, sha256: str) -> RawModel:
    """Open a net, the net that a factory returns, or a function of images.

    Raises:
        InputError: the module fails on import, has no such name, there is nothing to call, a
            factory fails or returns no net, a class of nets needs arguments, or there are weights
            and no factory.
        ValueError: a net of more than one input, or weights that do not fit it.
    """
    code, weights = split_code(name)
    found = named_object(code)
    if is_factory(found):
        found = _built(code, found)
        if weights:
            _fill(found, Path(weights))
    elif weights:
        raise InputError(
            f"{name}: {code} must build the net for the weights, so it must be a function or class "
            "without arguments. Write one that returns the net."
        )
    if is_net(found):
        return open_net(name, found, sha256)
    if is_class_of_nets(found):
        raise InputError(
            f"{name}: must be a net, or be called without arguments to build one; {code} is a "
            "class of nets that needs arguments. Write a function without arguments that returns "
            "the net, and name that."
        )

    def call(images: np.ndarray) -> Any:
        answer = found(images.copy())  # it may work in place, or answer in a buffer of its own
        if is_net(answer):
            raise TypeError("it returns a net; a factory of nets takes no arguments")
        return _copied(answer)

    return RawModel(name, call, None, None, sha256)


def named_object(name: str) -> Callable[..., Any]:
    """Import what `module:name` names.

    Raises:
        InputError: the module fails on import, has no such name, or it cannot be called.
    """
    module, _, attribute = name.partition(":")
    try:
        imported = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # whatever the code of others does on import
        raise InputError(import_fails(name, error)) from error
    found = getattr(imported, attribute, None)
    if not callable(found):
        got = f"{module} has no {attribute!r}" if found is None else f"got {type(found).__name__}"
        names = [each for each, value in vars(imported).items() if callable(value)]
        close = get_close_matches(attribute, names, 1)
        step = f"Did you mean {close[0]}?" if close else "Name a net, a function or a class."
        raise InputError(f"{name}: expected module:callable; {got}. {step}")
    return found


def _fill(net: Any, weights: Path) -> None:
    """Load weights into a net.

    Raises:
        Exception: of any kind, if they are damaged or do not fit.
    """
    if is_keras_net(net):
        net.load_weights(weights)
    elif weights.suffix.lower() in PICKLES:
        refuse_pickle(weights)
    else:
        from fer_models.pytorch.state_dict import fill

        fill(net, weights)


def is_factory(found: Callable[..., Any]) -> bool:
    """Whether a function or class is called without arguments, so that it cannot take images."""
    if is_net(found):
        return False
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # compiled code that says nothing of its arguments
        return False
    takes_images = any(
        parameter.kind is parameter.VAR_POSITIONAL or parameter.default is parameter.empty
        for parameter in parameters
        if parameter.kind is not parameter.VAR_KEYWORD
    )
    return not takes_images


def _copied(answer: Any) -> Any:
    """Copies of the array or arrays of an answer."""
    if isinstance(answer, Mapping):
        return {name: np.array(value) for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [np.array(value) for value in answer]
    return np.array(answer)


def _built(name: str, factory: Callable[..., Any]) -> Any:
    try:
        net = factory()
    except (Exception, SystemExit) as error:  # whatever the code of others does
        detail = " ".join(str(error).split())[:200]
        raise InputError(
            f"{name}: takes no images, so it is called without arguments to build a net, and "
            f"raises {type(error).__name__}: {detail}."
        ) from error
    if not is_net(net):
        raise InputError(
            f"{name}: takes no images, so it must return a net of Keras or PyTorch; it returned "
            f"{type(net).__name__}. Let it return the net, or take images (N, h, w, c)."
        )
    return net
