"""Where a training starts: the layers of another classifier, or a backbone from photographs."""

from pathlib import Path

import keras

from datasets.base.errors import InputError
from fer_models.architectures.imagenet import copy_backbone, read_backbone
from fer_models.architectures.registry import pretrained_of
from fer_models.training.second_head import logits_layer
from fer_models.zoo import card_of, check_weights, load_net


def start_from(model: keras.Model, other: str) -> keras.Model:
    """Copy the layers of another classifier of this architecture, all but the logits.

    From a `.keras` file come the layers of the same name. Without either, an architecture that has
    a pretrained part starts from that.

    Raises:
        InputError: the other one is unknown or of another architecture, or weights are
            damaged or not those of its card.
    """
    if other.endswith(".keras"):
        copy_backbone(model, read_backbone(Path(other)))
    elif other:
        card, weights = card_of(other)
        if card.architecture != model.name:
            raise InputError(
                f"--start-from must be a classifier of architecture {model.name}; got {other} "
                f"of {card.architecture}. Leave it out, or name another."
            )
        check_weights(card, weights)
        source = load_net(card, weights).model
        if source.input_shape != model.input_shape:
            raise InputError(
                f"--start-from must be a classifier of faces of {model.input_shape[1:]}; got "
                f"{other} of {source.input_shape[1:]}. Leave it out, or name another."
            )
        for layer, its in zip(model.layers, source.layers, strict=True):
            if layer is not logits_layer(model):
                layer.set_weights(its.get_weights())
    elif (pretrained := pretrained_of(model.name)) is not None:
        copy_backbone(model, pretrained)
    return model
