"""`tiny`: a net for phones, below 100,000 parameters and 20 million multiply-adds.

Three blocks of two plain convolutions, as in `vgg_small`, then three separable ones (Howard et al.
2017, arXiv 1704.04861), where plain ones would need most of the parameters.
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(
    epochs=100,
    batch_size=64,
    learning_rate=3e-3,
    weight_decay=1e-2,
    shift=4.0,
    rotation=8.0,
    zoom=0.08,
    contrast=0.2,
    other_labels=1.0,
    calm_epochs=5,
    averaging=0.999,
    early_stopping=100,
)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    for filters, padding in ((16, "valid"), (32, "same"), (48, "same")):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding=padding, use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(2, padding="same")(x)
    for filters in (96, 128, 128):
        x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.1)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="tiny")
