"""Where decision attacks start, and the one bisection towards a clean image that they share."""

from typing import Any

import numpy as np

from attacks.threat_model import Norm, distance

STARTS = 60
"""Random images among which decision attacks look for a misclassified one to start from."""
BISECTIONS = 10


def find_start(
    estimator: Any, images: np.ndarray, labels: np.ndarray, norm: Norm
) -> np.ndarray | None:
    """Find a misclassified image near one image, float32 (1, H, W, C), or None.

    It is the nearest that bisection finds on the paths to noise of every coarseness. Nets assign
    all noise of independent pixels to one class, whose own images would find no start there.
    """
    noise = _noise(images.shape[1:])
    wrong = noise[estimator.predict(noise).argmax(axis=1) != labels[0]]
    if not len(wrong):
        return None
    found = nearer(estimator, images, wrong, labels, norm)
    return found[[distance(found, images, norm).argmin()]]


def nearer(
    estimator: Any, images: np.ndarray, wrong: np.ndarray, labels: np.ndarray, norm: Norm
) -> np.ndarray:
    """Bisect from each misclassified image towards the clean one, float32 (N, H, W, C).

    The path is a line under l2; under linf the change is clipped ever closer, as HopSkipJump's
    authors do (their section 3.2).
    """
    change = wrong - images
    largest = np.abs(change).max(axis=(1, 2, 3), keepdims=True)

    def shrunk(share: np.ndarray) -> np.ndarray:
        bound = share * largest
        return images + (np.clip(change, -bound, bound) if norm is Norm.LINF else share * change)

    right, found = np.zeros_like(largest), np.ones_like(largest)
    for _ in range(BISECTIONS):
        middle = (right + found) / 2
        now = estimator.predict(shrunk(middle)).argmax(axis=1) != labels[0]
        broke = now[:, None, None, None]
        right, found = np.where(broke, right, middle), np.where(broke, middle, found)
    return shrunk(found).astype(np.float32)


def _noise(shape: tuple[int, int, int]) -> np.ndarray:
    """Squares of random colours, from quarters to single pixels, float32 (`STARTS`, H, W, C)."""
    height, width, channels = shape
    noise = []
    for side in np.geomspace(2, max(height, width), STARTS).astype(int):
        squares = np.random.uniform(0, 1, (side, side, channels)).astype(np.float32)
        rows, columns = (np.arange(n) * side // n for n in (height, width))
        noise.append(squares[rows][:, columns])
    return np.stack(noise)
