"""Mixtures of two faces and of their targets: mixup and CutMix.

A net that learns from them is less sure of single faces, whose FER labels are noisy. The training
accuracy of its history is that on mixtures, and lower.
"""

import numpy as np


def mixed(
    images: np.ndarray,
    targets: np.ndarray,
    mixup_alpha: float,
    cutmix_alpha: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """A batch with its images and targets mixed, by either way if both are asked for.

    Args:
        images: float32 (N, H, W, C).
        targets: float32 (N, K), distributions over the classes.
        mixup_alpha: see `mixup`; 0: never.
        cutmix_alpha: see `cutmix`; 0: never.
        rng: source of all random draws.
    """
    ways = [(mixup, mixup_alpha), (cutmix, cutmix_alpha)]
    ways = [(way, alpha) for way, alpha in ways if alpha]
    if not ways:
        return images, targets
    way, alpha = ways[int(rng.integers(len(ways)))]
    return way(images, targets, alpha, rng)


def mixup(
    images: np.ndarray, targets: np.ndarray, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Blend every image of a batch with another of it.

    Source: Zhang et al. 2018, "mixup: beyond empirical risk minimization", arXiv 1710.09412.

    Args:
        images: float32 (N, H, W, C).
        targets: float32 (N, K), distributions over the classes.
        alpha: above 0; each share of an image is drawn from Beta(alpha, alpha).
        rng: source of all random draws.

    Returns:
        Images and targets of the same shapes, float32, in the same shares.
    """
    shares = rng.beta(alpha, alpha, len(images)).astype(np.float32)
    other = rng.permutation(len(images))
    blended = _blend(images, images[other], shares[:, None, None, None])
    return blended, _blend(targets, targets[other], shares[:, None])


def cutmix(
    images: np.ndarray, targets: np.ndarray, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paste a rectangle of another image of the batch into every image.

    Source: Yun et al. 2019, "CutMix: regularization strategy to train strong classifiers with
    localizable features", arXiv 1905.04899.

    Args:
        images: float32 (N, H, W, C).
        targets: float32 (N, K), distributions over the classes.
        alpha: above 0; the share of the area that an image keeps is drawn from Beta(alpha, alpha),
            and larger where the rectangle reaches beyond the image.
        rng: source of all random draws.

    Returns:
        Images and targets of the same shapes, float32; targets in the shares of the areas.
    """
    count, height, width, _ = images.shape
    side = np.sqrt(1 - rng.beta(alpha, alpha, count))
    other = rng.permutation(count)
    rows = _span(side, height, rng)
    columns = _span(side, width, rng)
    pasted = rows[:, :, None] & columns[:, None, :]
    kept = 1 - pasted.mean(axis=(1, 2), dtype=np.float32)
    mixed = np.where(pasted[..., None], images[other], images)
    return mixed, _blend(targets, targets[other], kept[:, None])


def _span(shares: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Which of `length` pixels lie in a span of each share around a random middle, bool (N, L)."""
    middles = rng.integers(0, length, len(shares))[:, None]
    half = np.rint(shares * length / 2)[:, None]
    pixels = np.arange(length)
    return (pixels >= middles - half) & (pixels < middles + half)


def _blend(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    blended: np.ndarray = share * first + (1 - share) * second
    return blended
