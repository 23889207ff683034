"""The losses in numpy against those in TensorFlow, finite differences and hand values."""

import numpy as np
import pytest
import tensorflow as tf

from fer_models import gradients
from fer_models.loss_slopes import TARGETED, loss_slope
from fer_models.losses import Loss

ROWS = 40
CASES = [(loss, False) for loss in Loss] + [(loss, True) for loss in TARGETED]


def drawn(classes: int, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits float32 (N, K), labels and other classes as targets."""
    rng = np.random.default_rng(classes)
    logits = (4 * rng.standard_normal((ROWS, classes))).astype(np.float32)
    labels = rng.integers(0, classes, ROWS)
    targets = (labels + rng.integers(1, classes, ROWS)) % classes
    if kind == "tied":
        logits = np.round(logits / 3)
        logits[0] = 0
    if kind == "masked":
        logits[:, -1] = -1e9
        labels = np.where(labels == classes - 1, 0, labels)
        targets = np.where(targets == classes - 1, (labels + 1) % classes, targets)
    if kind == "confident":
        logits = logits * np.float32(30)
    return logits, labels, targets


def by_tensorflow(
    loss: Loss, logits: np.ndarray, labels: np.ndarray, targets: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    z = tf.constant(logits, tf.float64)  # float32 loses the digits of a slope such as p - 1
    with tf.GradientTape() as tape:
        tape.watch(z)
        if targets is None:
            losses = gradients._LOSSES[loss](z, tf.constant(labels))
        else:
            losses = gradients._TARGETED_LOSSES[loss](z, tf.constant(labels), tf.constant(targets))
    return losses.numpy(), tape.gradient(losses, z).numpy()


@pytest.mark.parametrize("kind", ["plain", "tied", "masked", "confident"])
@pytest.mark.parametrize("classes", [2, 3, 7, 8])
@pytest.mark.parametrize(("loss", "targeted"), CASES)
def test_values_and_derivatives_are_those_of_tensorflow(
    loss: Loss, targeted: bool, classes: int, kind: str
) -> None:
    logits, labels, targets = drawn(classes, kind)
    aims = targets if targeted else None
    losses, slopes = by_tensorflow(loss, logits, labels, aims)
    found = loss_slope(loss, logits, labels, aims)
    np.testing.assert_allclose(found.loss, losses, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(found.slope, slopes, rtol=1e-5, atol=1e-12)
    assert np.isfinite(found.loss).all() and np.isfinite(found.slope).all()


@pytest.mark.parametrize("classes", [2, 3, 7, 8])
@pytest.mark.parametrize(("loss", "targeted"), CASES)
def test_derivatives_agree_with_finite_differences(
    loss: Loss, targeted: bool, classes: int
) -> None:
    logits, labels, targets = drawn(classes, "plain")
    aims = targets if targeted else None
    wide = logits.astype(np.float64)
    if loss is Loss.SCALED_CROSS_ENTROPY and classes > 2:
        wide[:, 0], wide[:, 1] = -20, 20  # the range is held constant: move what is between
    slope = loss_slope(loss, wide, labels, aims).slope
    for k in range(2 if loss is Loss.SCALED_CROSS_ENTROPY and classes > 2 else 0, classes):
        step = np.eye(classes)[k] * 1e-6
        ahead, behind = (loss_slope(loss, wide + s * step, labels, aims).loss for s in (1, -1))
        np.testing.assert_allclose((ahead - behind) / 2e-6, slope[:, k], atol=1e-5)


def test_the_losses_of_one_image_by_hand() -> None:
    """Logits 4, 1, 0, -2; the label is the second class, the target the third."""
    z, label, target = np.array([[4.0, 1, 0, -2]]), np.array([1]), np.array([2])
    entropy = np.log(np.exp(4) + np.exp(1) + 1 + np.exp(-2)) - 1
    assert loss_slope(Loss.CROSS_ENTROPY, z, label).loss == pytest.approx(entropy)
    assert loss_slope(Loss.MARGIN, z, label).loss == pytest.approx(3)
    assert loss_slope(Loss.MARGIN, z, label, target).loss == pytest.approx(-1)
    assert loss_slope(Loss.DLR, z, label).loss == pytest.approx(3 / 4)
    assert loss_slope(Loss.DLR, z, label, target).loss == pytest.approx(-1 / (4 - (0 - 2) / 2))
    scaled = loss_slope(Loss.SCALED_CROSS_ENTROPY, z, label).loss
    assert scaled == pytest.approx(loss_slope(Loss.CROSS_ENTROPY, z * 8 / 6, label).loss)


def test_targets_belong_to_margins_only() -> None:
    with pytest.raises(ValueError, match="must be margin or dlr"):
        loss_slope(Loss.CROSS_ENTROPY, np.zeros((1, 3)), np.zeros(1, int), np.ones(1, int))
