"""Fused batch normalisation against Keras's own: answers, gradients and moving statistics."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fer_models.training.fused_normalization import (
    FusedBatchNormalization,
    with_fused_normalization,
)

GENERATOR = np.random.default_rng(0)


def build(**options: object) -> keras.Model:
    images = keras.Input((6, 5, 1))
    x = layers.Conv2D(4, 3, padding="same")(images)
    x = layers.BatchNormalization(name="map", **options)(x)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    model = keras.Model(images, layers.Dense(3)(x), name="net")
    for weight in model.weights:
        weight.assign(GENERATOR.uniform(0.2, 1.0, weight.shape))
    return model


def learnt(model: keras.Model, images: np.ndarray, training: bool) -> list[np.ndarray]:
    """Answers, gradients and, moved by the batch, all weights."""
    with tf.GradientTape() as tape:
        answers = model(images, training=training)
        loss = tf.reduce_sum(tf.cast(answers, tf.float32) ** 2)
    gradients = tape.gradient(loss, model.trainable_weights)
    return [np.asarray(each, np.float32) for each in (answers, *gradients, *model.get_weights())]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1, "momentum": 0.5}]
)
def test_learns_as_keras_does(training: bool, options: dict[str, float]) -> None:
    plain = build(**options)
    fused = with_fused_normalization(plain)
    assert type(fused.get_layer("map")) is FusedBatchNormalization
    assert [v.path for v in fused.weights] == [v.path for v in plain.weights]
    # Two faces only, so that the variance of n values and that of n - 1 differ.
    images = GENERATOR.random((2, 6, 5, 1), np.float32)
    for ours, theirs in zip(learnt(fused, images, training), learnt(plain, images, training)):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)


def test_bfloat16_stays_bfloat16() -> None:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        fused = with_fused_normalization(build())
    finally:
        keras.config.set_dtype_policy(policy)
    layer = fused.get_layer("map")
    maps = tf.cast(GENERATOR.random((16, 6, 5, 4)), tf.bfloat16)
    assert layer(maps, training=True).dtype == tf.bfloat16
    assert {v.dtype for v in layer.weights} == {"float32"}


@pytest.mark.parametrize("axis", [1, 2])
def test_other_axes_are_left_to_keras(axis: int) -> None:
    images = GENERATOR.random((3, 6, 5, 1), np.float32)
    plain = build(axis=axis)
    fused = with_fused_normalization(plain)
    np.testing.assert_allclose(
        fused(images, training=True), plain(images, training=True), rtol=1e-4
    )


def test_a_checkpoint_keeps_the_layer(tmp_path: Path) -> None:
    fused = with_fused_normalization(build())
    fused.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    assert type(again.get_layer("map")) is FusedBatchNormalization
    images = GENERATOR.random((3, 6, 5, 1), np.float32)
    np.testing.assert_array_equal(again(images), fused(images))
