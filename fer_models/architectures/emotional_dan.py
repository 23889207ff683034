"""`emotional_dan`: landmarks first, then the emotion under their guidance (1.1 M parameters).

Stage 1 places 68 points. Stage 2 sees the image, heat maps of the points and an image made of the
first stage's features, and reads its last map once as a whole and once around each part of the
face, weighted by that part's heat.

Source: Kowalski et al. 2017, "Deep alignment network", arXiv 1706.01789, equation 5 (heat maps) and
section 3.4 (feature image); Tautkute et al. 2018, "I know how you feel: emotion recognition with
facial landmarks", arXiv 1805.00326 (the emotion from the second stage). Different here:
one heat map per part of the face instead of a single one, so that the last map can be weighted;
no warp to the mean shape, since FER2013's faces are upright and fill their frame; and stage 1,
which they train first too, stays frozen afterwards, so that its points remain points.
"""

import keras
import numpy as np
from keras import layers, ops

from fer_models.architectures.landmark_net import REGIONS, landmark_layers, pretrained_landmarks
from fer_models.recipe import Recipe

RECIPE = Recipe(
    epochs=12, batch_size=64, learning_rate=2e-3, weight_decay=1e-2, other_labels=1.0, calm_epochs=4
)
FEATURE_SIDE = 12
"""Height and width of the feature image before it is enlarged."""

pretrained = pretrained_landmarks


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    height, width, _ = input_shape
    images = keras.Input(input_shape, name="images")
    points, features = landmark_layers(images)
    heat = heat_maps(points, height, width)
    x = layers.Concatenate(name="stage_2")(
        [
            layers.Rescaling(4.0, offset=-2.0)(images),
            heat,
            _feature_image(features, height, width),
        ]
    )
    for filters in (32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        if filters < 256:
            x = layers.MaxPooling2D(2)(x)
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), _around_parts(x, heat)])
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(256, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(0.3)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="emotional_dan")


def heat_maps(points: keras.KerasTensor, height: int, width: int) -> keras.KerasTensor:
    """One map per part of the face, 1 / (1 + distance in pixels to its nearest point).

    Args:
        points: (N, 68, 2), x and y in sides of the image.
        height: height of the maps, pixels.
        width: width of the maps, pixels.

    Returns:
        (N, height, width, 5) in (0, 1], in the order of `REGIONS`.
    """
    # numpy: tf2onnx would make inputs of constants that are tensors
    columns, rows = (np.arange(0.5, side, dtype=np.float32)[:, None] for side in (width, height))
    across = ops.subtract(columns, width * points[:, None, :, 0])
    down = ops.subtract(rows, height * points[:, None, :, 1])
    squares = ops.square(across)[:, None] + ops.square(down)[:, :, None]
    nearest = ops.stack([ops.min(squares[..., part], axis=-1) for part in REGIONS.values()], -1)
    return 1 / (1 + ops.sqrt(nearest + 1e-6))


def _feature_image(features: keras.KerasTensor, height: int, width: int) -> keras.KerasTensor:
    """Features of stage 1, as an image."""
    x = layers.Dense(FEATURE_SIDE**2, activation="relu", name="feature_image")(features)
    x = layers.Reshape((FEATURE_SIDE, FEATURE_SIDE, 1))(x)
    return ops.image.resize(x, (height, width))


def _around_parts(x: keras.KerasTensor, heat: keras.KerasTensor) -> keras.KerasTensor:
    """Mean of the map weighted by each part's heat, one after the other: (N, 5 F)."""
    rows, columns, filters = x.shape[1:]
    size = (heat.shape[1] // rows, heat.shape[2] // columns)
    weights = ops.average_pool(heat, size, strides=size)[:, :rows, :columns]
    weights = ops.reshape(weights, (-1, rows * columns, len(REGIONS)))
    weights = weights / ops.sum(weights, axis=1, keepdims=True)
    places = ops.reshape(ops.cast(x, "float32"), (-1, rows * columns, filters))
    parts = ops.matmul(ops.transpose(weights, (0, 2, 1)), places)
    return layers.Flatten()(parts)
