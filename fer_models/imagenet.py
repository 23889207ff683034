"""Start an architecture from a pretrained backbone: layers of equal name take its weights."""

import keras


def copy_backbone(model: keras.Model, backbone: keras.Model) -> int:
    """Copy the weights of every layer that both models have, in place.

    Args:
        model: built by an architecture whose module has `imagenet()` or `pretrained()`.
        backbone: what that gives, or the same network with weights from elsewhere.

    Returns:
        Number of layers copied.

    Raises:
        ValueError: no layer with weights has a namesake, or shapes differ.
    """
    sources = {layer.name: layer for layer in backbone.layers if layer.weights}
    shared = [layer for layer in model.layers if layer.weights and layer.name in sources]
    if not shared:
        raise ValueError(
            "`backbone` must share named layers with the model. "
            f"Received: {backbone.name} for {model.name}"
        )
    for layer in shared:
        layer.set_weights(sources[layer.name].get_weights())
    return len(shared)
