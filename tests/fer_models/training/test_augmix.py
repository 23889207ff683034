"""AugMix: its bounds, that it is what the paper describes, and that the seed decides it."""

import numpy as np
import pytest

from fer_models.training import augmix as module
from fer_models.training.augmix import OPERATIONS, augmix


def faces(count: int = 20, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(5)
    smooth = np.linspace(0.2, 0.7, 48)[:, None, None] + 0.1 * rng.random((count, 48, 48, channels))
    return smooth.astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_stay_in_range_and_the_seed_decides(channels: int) -> None:
    images = faces(channels=channels)
    mixed = augmix(images, np.random.default_rng(0))
    assert (mixed.shape, mixed.dtype) == (images.shape, np.float32)
    assert mixed.min() >= 0
    assert mixed.max() <= 1
    np.testing.assert_array_equal(mixed, augmix(images, np.random.default_rng(0)))
    assert (mixed != augmix(images, np.random.default_rng(1))).any(axis=(1, 2, 3)).all()


def test_operations_that_change_nothing_leave_the_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares of the chains sum to 1, and so do those of the chains and the face."""
    monkeypatch.setattr(module, "OPERATIONS", (lambda image, strength, rng: image,))
    images = np.rint(255 * faces()).astype(np.float32) / 255
    np.testing.assert_allclose(augmix(images, np.random.default_rng(0)), images, atol=1e-6)


def test_the_face_keeps_half_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains that blacken leave the face's own share, which is uniform in [0, 1]."""
    monkeypatch.setattr(module, "OPERATIONS", (lambda image, strength, rng: 0 * image,))
    images = np.ones((2000, 2, 2, 1), np.float32)
    own = np.sort(augmix(images, np.random.default_rng(0))[:, 0, 0, 0])
    np.testing.assert_allclose(own, np.linspace(0, 1, 2000), atol=0.04)


def test_chains_have_one_to_three_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    strengths: list[float] = []

    def count(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
        strengths.append(strength)
        return image

    monkeypatch.setattr(module, "OPERATIONS", (count,))
    augmix(faces(200), np.random.default_rng(0))
    assert len(strengths) / 600 == pytest.approx(2, abs=0.1)
    assert 0.01 <= min(strengths) < 0.02
    assert 0.29 < max(strengths) <= 0.3


def test_every_operation_changes_a_face_but_not_its_form() -> None:
    image = np.rint(255 * faces(1)[0]).astype(np.uint8)
    for operation in OPERATIONS:
        changed = operation(image, 0.3, np.random.default_rng(0))
        assert (changed.shape, changed.dtype) == (image.shape, np.uint8)
        assert (changed != image).any(), operation
