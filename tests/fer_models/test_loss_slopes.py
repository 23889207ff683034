"""The losses in numpy against those in TensorFlow, finite differences and hand values."""

import numpy as np
import pytest
import tensorflow as tf

from fer_models import gradients
from fer_models.loss_slopes import MASK, MASK_RATIO, TARGETED, loss_slope, spans, unmasked
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
    if kind == "mostly masked":  # a factor, so that some rows have two classes left, some three
        left = np.where(np.arange(ROWS) % 2, 2, 3)[:, None]
        logits = np.where(np.arange(classes) < left, logits, np.float32(-65504))
        labels, targets = np.tile([0, 1], ROWS // 2), np.tile([1, 0], ROWS // 2)
    if kind == "confident":
        logits = logits * np.float32(30)
    if kind == "outlying":
        logits[:, -1] = -200
        logits[: ROWS // 4, -classes // 2 :] = -200  # half of the classes: the range is theirs
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


@pytest.mark.parametrize(
    "kind", ["plain", "tied", "masked", "mostly masked", "confident", "outlying"]
)
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


def test_one_class_far_below_the_others_does_not_press_them_together() -> None:
    """The median of 4, 2, 0, -2 and a last one is 0: the range is at most 4 * (4 - 0) = 16."""
    label = np.array([0])
    for last, span in ((-11.0, 15), (-12.5, 16), (-1000.0, 16)):
        z = np.array([[4.0, 2, 0, -2, last]])
        scaled = loss_slope(Loss.SCALED_CROSS_ENTROPY, z, label).loss
        assert scaled == pytest.approx(loss_slope(Loss.CROSS_ENTROPY, z * 8 / span, label).loss)
    tied = np.array([[4.0, 4, 4, -2, -1000]])  # a median of 4 says nothing of a range
    scaled = loss_slope(Loss.SCALED_CROSS_ENTROPY, tied, label).loss
    assert scaled == pytest.approx(loss_slope(Loss.CROSS_ENTROPY, tied * 8 / 1004, label).loss)


@pytest.mark.parametrize("mask", [-1e4, -65504.0, -1e9, float(np.finfo(np.float32).min)])
@pytest.mark.parametrize("count", [1, 3, 6])
@pytest.mark.parametrize("classes", [2, 3, 4, 7])
@pytest.mark.parametrize(("loss", "targeted"), CASES)
def test_masked_classes_change_no_loss(
    loss: Loss, targeted: bool, classes: int, count: int, mask: float
) -> None:
    logits, labels, targets = drawn(classes, "plain")
    aims = targets if targeted else None
    wider = np.concatenate([logits, np.full((ROWS, count), mask)], axis=1)
    found, alone = loss_slope(loss, wider, labels, aims), loss_slope(loss, logits, labels, aims)
    np.testing.assert_allclose(found.loss, alone.loss, rtol=1e-12)
    np.testing.assert_allclose(found.slope[:, :classes], alone.slope, rtol=1e-12)
    assert not found.slope[:, classes:].any()


def test_what_is_masked_by_hand() -> None:
    """Farther below the first than 5000, and than 100 times the range of those above."""
    assert (MASK, MASK_RATIO) == (5e3, 100)
    rows = {
        (3.0, 1.0, 0.0, -4.0): 4,
        (3.0, -4e5, 1.0, 0.0): 3,
        (3.0, -4e5, 1.0, -1e9): 2,
        (0.0, -20.0, -4999.0, -4999.0): 4,
        (0.0, -20.0, -5001.0, -5001.0): 2,
        (0.0, -60.0, -5999.0, -5999.0): 4,  # 100 times 60
        (0.0, -60.0, -6001.0, -6001.0): 2,
        (0.0, -1e5, -1e9, -1e9): 2,
        (0.0, -1e9, -1e9, -1e9): 4,  # two are never masked
        (3e6, 1e6, 0.0, -4e6): 4,  # large logits, of which none stands out
    }
    for row, count in rows.items():
        for constant in (-1e4, 0.0, 1e4):
            z = np.array([row]) + constant
            assert unmasked(z).sum() == count, row
            assert unmasked(z)[0, np.argsort(-z[0], kind="stable")[:count]].all()
            assert spans(z) == pytest.approx(np.ptp(np.sort(row)[::-1][:count]))
    for two in ([5.0, -1e9], [0.0, 0.0]):
        assert unmasked(np.array([two])).all()


def test_targets_belong_to_margins_only() -> None:
    with pytest.raises(ValueError, match="must be margin or dlr"):
        loss_slope(Loss.CROSS_ENTROPY, np.zeros((1, 3)), np.zeros(1, int), np.ones(1, int))
