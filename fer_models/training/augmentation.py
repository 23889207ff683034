"""Random views of training faces: one affine warp and one contrast change per image."""

import cv2
import numpy as np

from fer_models.recipe import Recipe


def augment(images: np.ndarray, recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    """Draw one random view of each image.

    Args:
        images: uint8 (N, H, W, C).
        recipe: how far to flip, shift, rotate, zoom, change contrast and erase.
        rng: source of all random draws.

    Returns:
        float32 (N, H, W, C) in [0, 1].
    """
    return warped_views(images, recipe, rng)[0]


def warped_views(
    images: np.ndarray, recipe: Recipe, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """As `augment`, with the warp of each image, float64 (N, 2, 3), see `random_warps`."""
    count, (height, width) = len(images), images.shape[1:3]
    views = np.empty(images.shape, np.float32)
    warps = random_warps(count, height, width, recipe, rng)
    for i, matrix in enumerate(warps):
        warped = cv2.warpAffine(
            images[i],
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        views[i] = warped.reshape(images[i].shape)
    views /= 255.0
    gain = 1 + rng.uniform(-recipe.contrast, recipe.contrast, (count, 1, 1, 1))
    mean = views.mean(axis=(1, 2, 3), keepdims=True)
    views = np.clip((views - mean) * gain + mean, 0, 1).astype(np.float32)
    for row in np.flatnonzero(rng.random(count) < recipe.erase):
        _erase_rectangle(views[row], rng)
    return views, warps


def with_brightness(images: np.ndarray, most: float, rng: np.random.Generator) -> np.ndarray:
    """Multiply each image by a factor of its own, uniform in [1 - most, 1 + most].

    Args:
        images: float32 (N, H, W, C) in [0, 1].
        most: largest relative change, in [0, 1].
        rng: source of all random draws.

    Returns:
        float32 (N, H, W, C) in [0, 1].
    """
    gain = rng.uniform(1 - most, 1 + most, (len(images), 1, 1, 1)).astype(np.float32)
    return np.clip(images * gain, 0, 1)


def with_noise(images: np.ndarray, most: float, rng: np.random.Generator) -> np.ndarray:
    """Add normal noise to half of the images, as strong as is drawn for each.

    Args:
        images: float32 (N, H, W, C) in [0, 1].
        most: largest standard deviation; each is uniform in [0, most].
        rng: source of all random draws.

    Returns:
        float32 (N, H, W, C) in [0, 1].
    """
    count = len(images)
    deviation = rng.uniform(0, most, count) * (rng.random(count) < 0.5)
    noise = rng.standard_normal(images.shape, np.float32)
    noise *= deviation.astype(np.float32)[:, None, None, None]
    return np.clip(images + noise, 0, 1)


def random_warps(
    count: int, height: int, width: int, recipe: Recipe, rng: np.random.Generator
) -> np.ndarray:
    """Draw where the pixels go: float64 (count, 2, 3), from the middles of pixels to the new ones.

    Args:
        count: how many to draw.
        height: height of the images, pixels.
        width: width of the images, pixels.
        recipe: how far to flip, shift, rotate and zoom.
        rng: source of all random draws.
    """
    mirror = np.where(recipe.flip & (rng.random(count) < 0.5), -1.0, 1.0)
    angle = rng.uniform(-recipe.rotation, recipe.rotation, count) * np.pi / 180
    scale = 1 + rng.uniform(-recipe.zoom, recipe.zoom, count)
    move = rng.uniform(-recipe.shift, recipe.shift, (count, 2)) * (width / 48, height / 48)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.stack([np.stack([mirror * cos, -sin], 1), np.stack([mirror * sin, cos], 1)], 1)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.concatenate([linear, (centre + move - linear @ centre)[..., None]], axis=2)


def _erase_rectangle(image: np.ndarray, rng: np.random.Generator) -> None:
    height, width, _ = image.shape
    rows, columns = (int(rng.integers(side // 6, side // 2)) for side in (height, width))
    top, left = int(rng.integers(0, height - rows)), int(rng.integers(0, width - columns))
    image[top : top + rows, left : left + columns] = image.mean()
