"""The generator's network: a small U-Net that predicts how a noisy face should change.

Source: Ronneberger et al. 2015, arXiv 1505.04597 (U-Net); Ho et al. 2020, arXiv 2006.11239 (the
time enters every block). Pixels are first folded 2 x 2 into channels, which costs little quality at
48 x 48 and makes the net four times faster.
"""

import keras
from keras import layers

CHANNELS = (40, 80, 160)
"""Numbers of filters at the folded image's three resolutions."""

FREQUENCIES = tuple(2.0**k for k in range(8))
"""Frequencies of the sines that encode the time, in half cycles from noise to face."""


def build_generator(
    input_shape: tuple[int, int, int], num_conditions: int, channels: tuple[int, ...] = CHANNELS
) -> keras.Model:
    """Noisy faces float32 (N, H, W, C), times (N, 1), conditions (N, D) to velocities (N, H, W, C).

    Args:
        input_shape: (H, W, C), both sides divisible by 2 ** len(channels).
        num_conditions: D.
        channels: channels at each resolution, divisible by 8.
    """
    height, width, depth = input_shape
    noisy = keras.Input(input_shape, name="noisy")
    time = keras.Input((1,), name="time")
    condition = keras.Input((num_conditions,), name="condition")
    knowledge = _knowledge(time, condition, 4 * channels[0])

    x = layers.Conv2D(channels[0], 2, strides=2)(noisy)
    kept = []
    for filters in channels[:-1]:
        x = _residual(x, filters, knowledge)
        kept.append(x)
        x = layers.AveragePooling2D(2)(x)
    x = _residual(x, channels[-1], knowledge)
    x = _residual(x, channels[-1], knowledge)
    for filters, skip in zip(reversed(channels[:-1]), reversed(kept)):
        x = layers.UpSampling2D(2)(x)
        x = _residual(layers.Concatenate()([x, skip]), filters, knowledge)
    x = layers.Activation("swish")(x)
    x = layers.Conv2D(4 * depth, 3, padding="same", kernel_initializer="zeros", dtype="float32")(x)
    x = layers.Reshape((height // 2, width // 2, 2, 2, depth), dtype="float32")(x)
    x = layers.Permute((1, 3, 2, 4, 5), dtype="float32")(x)
    velocity = layers.Reshape(input_shape, dtype="float32", name="velocity")(x)
    return keras.Model([noisy, time, condition], velocity, name="generator")


def _knowledge(
    time: keras.KerasTensor, condition: keras.KerasTensor, width: int
) -> keras.KerasTensor:
    """Input of every block: sines of the time, and the condition, mixed by a small net."""
    angles = layers.Dense(
        len(FREQUENCIES),
        use_bias=False,
        trainable=False,
        kernel_initializer=_fixed_frequencies,
        dtype="float32",
        name="angles",
    )(time)
    waves = [keras.ops.sin(angles), keras.ops.cos(angles)]
    x = layers.Concatenate()([*waves, time, condition])
    x = layers.Dense(width, activation="swish")(x)
    return layers.Dense(width, activation="swish")(x)


def _fixed_frequencies(shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
    return keras.ops.reshape(keras.ops.array(FREQUENCIES, dtype=dtype) * 3.14159265, shape)


def _residual(
    x: keras.KerasTensor, filters: int, knowledge: keras.KerasTensor
) -> keras.KerasTensor:
    """Two convolutions; a scale and shift between them carry time and condition."""
    straight = x if x.shape[-1] == filters else layers.Conv2D(filters, 1)(x)
    x = layers.Activation("swish")(x)
    x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
    x = layers.GroupNormalization(8)(x)
    scale = layers.Dense(filters, kernel_initializer="zeros")(knowledge)
    shift = layers.Dense(filters)(knowledge)
    scale, shift = (layers.Reshape((1, 1, filters))(values) for values in (scale, shift))
    x = layers.Add()([x, layers.Multiply()([x, scale]), shift])
    x = layers.Activation("swish")(x)
    x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="zeros")(x)
    return layers.Add()([straight, x])
