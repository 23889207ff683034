"""A net of Keras or PyTorch, as an object: opening and hashing it."""

import sys
from typing import Any

from datasets.base.errors import InputError
from fer_models.foreign.raw_model import RawModel
from fer_models.identity import hash_of_net


def is_net(found: object) -> bool:
    """Whether an object is a net of a framework, whose gradients are known."""
    return isinstance(found, _kinds())


def is_keras_net(found: object) -> bool:
    """Whether an object is a model or layer of Keras."""
    keras = sys.modules.get("keras")  # whoever made it has imported it
    return keras is not None and isinstance(found, keras.Layer)


def is_class_of_nets(found: object) -> bool:
    """Whether an object is a class of such nets."""
    return isinstance(found, type) and issubclass(found, _kinds())


def _kinds() -> tuple[type, ...]:
    """What nets derive from, of the frameworks that are imported: whoever made one imported its."""
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    return (*([keras.Layer] if keras else []), *([torch.nn.Module] if torch else []))


def open_net(name: str, net: Any, sha256: str) -> RawModel:
    """Open a net; one of PyTorch is put into evaluation mode.

    Raises:
        ValueError: more than one input.
    """
    if is_keras_net(net):
        from fer_models.foreign.keras_net import keras_net

        return keras_net(name, net, sha256)
    from fer_models.pytorch.net import torch_net

    return torch_net(name, net, sha256)


def net_sha256(name: str, net: Any) -> str:
    """Hex sha256 of a net's layers and weights.

    Raises:
        InputError: it is not a net.
    """
    if not is_net(net):
        raise InputError(
            f"{name}: must be a net of Keras or PyTorch, a classifier, an id or a path; got "
            f"{type(net).__name__}. A function of images has a name: module:function."
        )
    if is_keras_net(net):
        return hash_of_net(net)
    from fer_models.pytorch.weights import hash_of_weights

    return hash_of_weights(net, net)
