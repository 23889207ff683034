"""Losses and input gradients against hand values and finite differences."""

import gc
import logging
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from datasets.base.errors import InputError
from datasets.labels import FER7
from fer_models import gradients
from fer_models.classifier import ModelError
from fer_models.contract import Contract
from fer_models.foreign.keras_net import keras_net
from fer_models.gradients import _pad
from fer_models.keras_classifier import wrap
from fer_models.losses import Loss
from tests.fer_models.conftest import tiny_classifier, tiny_model

LABELS = np.arange(12) % 7


def test_losses_by_their_definitions(images: np.ndarray) -> None:
    classifier = tiny_classifier()
    logits = classifier.logits(images).astype(np.float64)
    true = logits[np.arange(12), LABELS]
    entropy = np.log(np.exp(logits).sum(axis=1)) - true
    others = logits.copy()
    others[np.arange(12), LABELS] = -np.inf
    found = classifier.input_gradients(images, LABELS, Loss.CROSS_ENTROPY)
    np.testing.assert_allclose(found.logits, logits, atol=1e-4)
    np.testing.assert_allclose(found.loss, entropy, atol=1e-4)
    margin = classifier.input_gradients(images, LABELS, Loss.MARGIN)
    np.testing.assert_allclose(margin.loss, others.max(axis=1) - true, atol=1e-4)


def test_a_cotangent_may_be_of_whole_numbers(images: np.ndarray) -> None:
    pull, classes = tiny_classifier().pullback(images).pull, np.eye(7)[LABELS]
    np.testing.assert_array_equal(pull(classes.astype(int)), pull(classes))


@pytest.mark.parametrize("loss", [Loss.CROSS_ENTROPY, Loss.MARGIN])
def test_gradients_agree_with_finite_differences(images: np.ndarray, loss: Loss) -> None:
    classifier = tiny_classifier()
    images = images * 0.5 + 0.25
    found = classifier.input_gradients(images, LABELS, loss)
    direction = np.random.default_rng(2).standard_normal(images.shape).astype(np.float32)
    step = np.float32(1e-3)
    ahead = classifier.input_gradients(images + step * direction, LABELS, loss).loss
    behind = classifier.input_gradients(images - step * direction, LABELS, loss).loss
    slope = (found.gradient * direction).sum(axis=(1, 2, 3))
    np.testing.assert_allclose((ahead - behind) / (2 * step), slope, atol=0.01, rtol=0.01)


def test_logit_gradients_differ_by_the_margins_gradient(images: np.ndarray) -> None:
    classifier, targets = tiny_classifier(), (LABELS + 3) % 7
    one, other = (classifier.logit_gradients(images, classes) for classes in (targets, LABELS))
    margin = classifier.input_gradients(images, LABELS, Loss.MARGIN, targets)
    np.testing.assert_allclose(one - other, margin.gradient, atol=1e-5)


def test_scaled_cross_entropy_does_not_hang_on_the_logits_scale(images: np.ndarray) -> None:
    plain, sharp = tiny_classifier(), tiny_model()
    last = sharp.layers[-1]
    last.kernel.assign(100 * np.asarray(last.kernel))
    last.bias.assign(100 * np.asarray(last.bias))
    confident = wrap(sharp, Contract(8, 8, 1, FER7), model_id="sharp")
    one, other = (
        classifier.input_gradients(images, LABELS, Loss.SCALED_CROSS_ENTROPY)
        for classifier in (plain, confident)
    )
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-3)
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("count", "size"),
    [(0, 1), (1, 1), (3, 4), (9, 16), (33, 40), (100, 100), (101, 128), (130, 130)],
)
def test_batches_are_padded_to_the_next_size(count: int, size: int) -> None:
    padded = _pad(np.ones((count, 2), np.float32))
    assert padded.shape == (size, 2)
    assert padded.dtype == np.float32
    assert padded.sum() == 2 * count
    assert not padded[count:].any()


def test_a_small_batch_costs_a_small_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    forward = gradients._compiled_forward

    def spying(*arguments):
        call = forward(*arguments)
        return lambda images: seen.append(len(images)) or call(images)

    monkeypatch.setattr(gradients, "_compiled_forward", spying)
    for count in (3, 130):
        tiny_classifier().logits(np.zeros((count, 8, 8, 1), np.float32))
    assert seen == [4, 128, 2]


@pytest.mark.parametrize("count", [1, 9, 12])
def test_padding_changes_nothing(images: np.ndarray, count: int) -> None:
    classifier = tiny_classifier()
    whole = classifier.input_gradients(images, LABELS, Loss.CROSS_ENTROPY)
    part = classifier.input_gradients(images[:count], LABELS[:count], Loss.CROSS_ENTROPY)
    assert part.gradient.shape == (count, 8, 8, 1)
    np.testing.assert_allclose(part.gradient, whole.gradient[:count], atol=1e-5)


def test_a_constant_model_has_zero_gradients(images: np.ndarray) -> None:
    model = tiny_model()
    model.layers[-1].kernel.assign(np.zeros(model.layers[-1].kernel.shape))
    classifier = wrap(model, Contract(8, 8, 1, FER7), model_id="constant")
    assert not classifier.input_gradients(images, LABELS, Loss.MARGIN).gradient.any()


def test_nan_is_an_error_never_a_zero(images: np.ndarray) -> None:
    model = tiny_model()
    model.layers[-1].bias.assign(np.full(7, np.nan))
    classifier = wrap(model, Contract(8, 8, 1, FER7), model_id="nan")
    with pytest.raises(ModelError, match="nan: NaN"):
        classifier.input_gradients(images, LABELS, Loss.CROSS_ENTROPY)


def test_many_classifiers_after_each_other_warn_of_nothing(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    with caplog.at_level(logging.WARNING):
        for _ in range(6):
            classifier = tiny_classifier()
            classifier.logits(images)
            classifier.input_gradients(images, LABELS, Loss.MARGIN)
    assert caplog.text == ""


def test_compiled_calls_go_with_their_classifier(images: np.ndarray) -> None:
    """Or a folder of photographs, a view each, would fill the memory."""
    net = tiny_classifier()
    net.logits(images)
    net.input_gradients(images, LABELS, Loss.MARGIN)
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_no_other_backend_of_keras_computes_gradients(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The net itself may have it: a training computes no gradients here, and may be on any."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    classifier = tiny_classifier()
    for needs_it in (
        lambda: classifier.logits(images),
        lambda: gradients.vector_jacobian(keras.ops.square, images),
        lambda: keras_net("net", classifier.model, ""),
    ):
        with pytest.raises(InputError, match=r"must be tensorflow, .* says torch"):
            needs_it()
