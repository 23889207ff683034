"""`vgg_small`: Deadpan's own best small net, four blocks of two convolutions (1.2 M parameters).

Source: the layout of Pramerdorfer & Kampel 2016, arXiv 1612.02903 (VGG style, batch
normalisation), with global average pooling for their large dense layers.
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(
    epochs=60,
    batch_size=96,
    learning_rate=2e-3,
    weight_decay=2e-2,
    shift=4.0,
    rotation=8.0,
    zoom=0.08,
    contrast=0.2,
    erase=0.1,
    other_labels=1.0,
    averaging=0.999,
    calm_epochs=5,
)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    # The first block is the most expensive and the rim of a face says least: no padding there.
    for filters, padding in ((32, "valid"), (64, "same"), (128, "same"), (256, "same")):
        x = _convolution(_convolution(x, filters, padding), filters, padding)
        if filters < 256:
            x = layers.MaxPooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.25)(x)
    x = layers.Dense(256, use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(0.25)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="vgg_small")


def _convolution(x: keras.KerasTensor, filters: int, padding: str) -> keras.KerasTensor:
    x = layers.Conv2D(filters, 3, padding=padding, use_bias=False, kernel_initializer="he_normal")(
        x
    )
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)
