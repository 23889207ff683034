"""Moving pixels: affine maps of many images, bilinear, edges repeated outwards."""

import cv2
import numpy as np

LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def warp(images: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Warp each image by its own map.

    Args:
        images: float32 (N, H, W, C).
        maps: float (N, 2, 3): a pixel (x, y) from the middle of the result is taken from
            A (x, y) + b from the middle of the image, A the first two columns.

    Returns:
        float32 (N, H, W, C) in [0, 1].
    """
    height, width = images.shape[1:3]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    shifted = maps.astype(np.float64).copy()
    shifted[:, :, 2] += middle - maps[:, :, :2] @ middle
    warped = np.empty_like(images)
    for i, image in enumerate(images):
        moved = cv2.warpAffine(
            image, shifted[i], (width, height), flags=LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        warped[i] = moved.reshape(image.shape)
    return np.clip(warped, 0, 1)


def zooms(factors: np.ndarray) -> np.ndarray:
    """Maps that enlarge by factors (N,) about the middle, (N, 2, 3)."""
    maps = np.zeros((len(factors), 2, 3))
    maps[:, 0, 0] = maps[:, 1, 1] = 1 / factors
    return maps
