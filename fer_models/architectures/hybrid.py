"""`hybrid`: image, HOG and landmarks in one net (1.0 M parameters).

A convolutional trunk, the histograms of `hog_features.py` and the 68 points of `landmark_net.py`
meet in one dense layer. All three branches are differentiable, so white-box attacks see each. The
landmark net stays frozen.
"""

import keras
from keras import layers, ops

from fer_models.architectures.hog_features import hog
from fer_models.architectures.landmark_net import landmark_layers, pretrained_landmarks
from fer_models.recipe import Recipe

RECIPE = Recipe(
    epochs=12, batch_size=64, learning_rate=2e-3, weight_decay=1e-2, other_labels=1.0, calm_epochs=4
)

pretrained = pretrained_landmarks


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    branches = [_trunk(images), _histograms(images), _points(images)]
    x = layers.Concatenate()(branches)
    x = layers.Dropout(0.3)(x)
    x = _dense(x, 256)
    x = layers.Dropout(0.3)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="hybrid")


def _trunk(images: keras.KerasTensor) -> keras.KerasTensor:
    """Convolutional features, averaged over the image."""
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    for filters in (32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        if filters < 256:
            x = layers.MaxPooling2D(2)(x)
    return layers.GlobalAveragePooling2D()(x)


def _histograms(images: keras.KerasTensor) -> keras.KerasTensor:
    """All blocks of the HOG, through a dense layer."""
    grey = ops.image.rgb_to_grayscale(images) if images.shape[-1] == 3 else images
    x = layers.Flatten()(hog(grey))
    return _dense(layers.Dropout(0.3)(x), 128)


def _points(images: keras.KerasTensor) -> keras.KerasTensor:
    """Coordinates of the points relative to their mean, invariant to a shift of the face."""
    points, _ = landmark_layers(images)
    shape = points - ops.mean(points, axis=1, keepdims=True)
    return _dense(layers.BatchNormalization()(layers.Flatten()(shape)), 64)


def _dense(x: keras.KerasTensor, units: int) -> keras.KerasTensor:
    x = layers.Dense(units, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)
