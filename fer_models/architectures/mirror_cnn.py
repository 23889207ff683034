"""`mirror_cnn`: a small net like `vgg_small` that answers a face and its mirror image alike.

The channels of every layer form two halves. The kernel of one half is that of the other, mirrored
and with the halves of its input exchanged, so a mirrored face exchanges the halves of every feature
map and mirrors them; the dense layer reads both with the same weights.

Source: Cohen & Welling 2016, arXiv 1602.07576, see `fer_models/architectures/mirrored.py`.
"""

import keras
from keras import layers

from fer_models.architectures.mirrored import Mirrored
from fer_models.recipe import Recipe

RECIPE = Recipe(
    epochs=60,
    batch_size=96,
    learning_rate=2e-3,
    weight_decay=2e-2,
    shift=5.0,
    rotation=12.0,
    zoom=0.12,
    contrast=0.3,
    erase=0.3,
    other_labels=1.0,
    averaging=0.999,
    calm_epochs=5,
)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    # 48 to 42 to 40: pooling halves an even width three times, as mirroring needs.
    x = _convolution(x, 32, 7, "valid", first=True)
    x = _convolution(x, 32, 3, "valid")
    for filters in (64, 160, 320):
        x = layers.MaxPooling2D(2)(x)
        x = _convolution(_convolution(x, filters, 3, "same"), filters, 3, "same")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.25)(x)
    x = layers.Dense(
        256, use_bias=False, kernel_initializer="he_normal", kernel_constraint=Mirrored((0,))
    )(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(0.25)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="mirror_cnn")


def _convolution(
    x: keras.KerasTensor, filters: int, size: int, padding: str, first: bool = False
) -> keras.KerasTensor:
    x = layers.Conv2D(
        filters,
        size,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_constraint=Mirrored((3,) if first else (2, 3), width=1),
    )(x)
    x = layers.BatchNormalization(beta_constraint=Mirrored((0,)), gamma_constraint=Mirrored((0,)))(
        x
    )
    return layers.ReLU()(x)
