"""Norms and SSIM of perturbations, by hand."""

import numpy as np
import pytest

from evaluation.metrics.perturbation_size import perturbation_sizes


def flat(value: float, channels: int = 1) -> np.ndarray:
    return np.full((1, 12, 12, channels), value, np.float32)


def test_flat_images_differ_by_their_light_alone() -> None:
    sizes = perturbation_sizes(flat(0.2), flat(0.6))
    assert sizes["linf"] == pytest.approx(0.4, abs=1e-6)
    assert sizes["l2"] == pytest.approx(0.4 * 12, abs=1e-5)  # the root of 144 times .16
    assert sizes["l1"] == pytest.approx(0.4 * 144, abs=1e-4)
    # no structure: (2 a b + C1) / (a^2 + b^2 + C1) with C1 = .01^2
    assert sizes["ssim"] == pytest.approx((0.24 + 1e-4) / (0.04 + 0.36 + 1e-4), abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_equal_images_are_alike(channels: int) -> None:
    image = np.random.default_rng(0).random((2, 16, 14, channels), np.float32)
    sizes = perturbation_sizes(image, image.copy())
    np.testing.assert_allclose(sizes["ssim"], 1)
    assert not any(sizes[norm].any() for norm in ("linf", "l2", "l1"))


def test_more_noise_is_less_alike() -> None:
    rng = np.random.default_rng(1)
    image = rng.random((1, 48, 48, 1), np.float32)
    signs = rng.choice([-1, 1], image.shape).astype(np.float32)
    little, much = (
        perturbation_sizes(image, image + size * signs)["ssim"][0] for size in (0.01, 0.1)
    )
    assert 1 > little > much > 0


def test_images_smaller_than_the_window_have_no_ssim() -> None:
    sizes = perturbation_sizes(flat(0.2)[:, :8, :8], flat(0.6)[:, :8, :8])
    assert np.isnan(sizes["ssim"]).all() and sizes["linf"] == pytest.approx(0.4, abs=1e-6)
    none = perturbation_sizes(flat(0)[:0], flat(0)[:0])
    assert all(len(values) == 0 for values in none.values())


def test_ssim_of_one_window_by_hand() -> None:
    """11x11 pixels hold one whole window: its Gaussian means, variances and covariance."""
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 11, 11))
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(line, line) / line.sum() ** 2

    def mean(values: np.ndarray) -> float:
        return float((weights * values).sum())

    a, b = mean(one), mean(other)
    spread, both = mean(one**2) - a**2 + mean(other**2) - b**2, mean(one * other) - a * b
    low, high = 0.01**2, 0.03**2
    expected = (2 * a * b + low) * (2 * both + high) / ((a**2 + b**2 + low) * (spread + high))
    pair = (image.astype(np.float32)[None, :, :, None] for image in (one, other))
    assert perturbation_sizes(*pair)["ssim"] == pytest.approx([expected], abs=1e-6)
    flat_strip = np.zeros((1, 8, 16, 1), np.float32)  # too few rows, columns enough
    assert np.isnan(perturbation_sizes(flat_strip, flat_strip)["ssim"]).all()
    with pytest.raises(ValueError, match=r"zip\(\)"):
        perturbation_sizes(flat(0.2), np.concatenate([flat(0.2), flat(0.6)]))
