"""Start an architecture from a pretrained backbone: layers of equal name take its weights."""

from pathlib import Path

import keras

from datasets.base.errors import InputError, words_of


def read_backbone(path: Path) -> keras.Model:
    """A backbone from a Keras file, for machines that cannot fetch it.

    Raises:
        InputError: the file is missing or no Keras model.
    """
    try:
        model: keras.Model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--start-from {path}: expected a Keras model; {words_of(error)}."
        ) from error
    return model


def copy_backbone(model: keras.Model, backbone: keras.Model) -> int:
    """Copy the weights of every layer that both models have, in place.

    Args:
        model: built by an architecture whose module has `pretrained()`.
        backbone: the model so read, or the same network with weights from elsewhere.

    Returns:
        Number of layers copied.

    Raises:
        InputError: no layer with weights has a namesake, or shapes differ.
    """
    sources = {layer.name: layer for layer in backbone.layers if layer.weights}
    shared = [layer for layer in model.layers if layer.weights and layer.name in sources]
    if not shared:
        raise InputError(
            f"a backbone must share named layers with {model.name}, but {backbone.name} has none "
            "of them. Name another file."
        )
    for layer in shared:
        weights, expected = sources[layer.name].get_weights(), layer.get_weights()
        if [array.shape for array in weights] != [array.shape for array in expected]:
            raise InputError(
                f"a backbone's layer {layer.name} must have arrays of shapes "
                f"{[array.shape for array in expected]}; {backbone.name} has "
                f"{[array.shape for array in weights]}. Name another file."
            )
        layer.set_weights(weights)
    return len(shared)
