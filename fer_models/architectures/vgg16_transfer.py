"""`vgg16_transfer`: frozen VGG16 features to the third pooling, three dense layers (4.1 M).

Source: Simonyan & Zisserman 2015, arXiv 1409.1556, configuration D. Cut there, weights fit into
12 MB as float16. `build` starts from random weights; a training fills the features (`pretrained`).
"""

import keras
from keras import layers, ops

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=15, batch_size=64, learning_rate=5e-4, weight_decay=1e-2, calm_epochs=5)
SIZE = 48
_MEAN_BGR = (103.939, 116.779, 123.68)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = images
    if input_shape[:2] != (SIZE, SIZE):
        x = ops.image.resize(x, (SIZE, SIZE))
    if input_shape[-1] == 1:
        x = layers.Concatenate(name="grey_to_bgr")([x, x, x])
    else:
        x = ops.flip(x, axis=-1)
    x = layers.Rescaling(255.0, offset=[-mean for mean in _MEAN_BGR])(x)
    vgg = keras.applications.VGG16(
        input_shape=(SIZE, SIZE, 3), input_tensor=x, include_top=False, weights=None
    )
    for layer in vgg.layers:
        layer.trainable = False
    x = layers.Flatten()(vgg.get_layer("block3_pool").output)
    x = layers.BatchNormalization()(x)
    for units in (256, 128):
        x = layers.Dense(units, activation="relu", kernel_initializer="he_normal")(x)
        x = layers.Dropout(0.5)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="vgg16_transfer")


def pretrained() -> keras.Model:
    """VGG16 without its head, with ImageNet weights, fetched by Keras at first use."""
    return keras.applications.VGG16(input_shape=(SIZE, SIZE, 3), include_top=False)
