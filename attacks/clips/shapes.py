"""How a perturbation may change over time."""

import numpy as np

KEY_FRAMES_APART = 0.5
"""Least number of seconds between the key frames of a slow perturbation."""


def key_frame_basis(seconds: np.ndarray) -> np.ndarray:
    """Shares of key frames in each frame: a perturbation that is linear in time between them.

    Key frames are evenly spaced.

    Args:
        seconds: float64 (T,), ascending.

    Returns:
        float64 (T, M), at least 0; each row sums to 1.
    """
    span = float(seconds[-1] - seconds[0])
    keys = np.linspace(seconds[0], seconds[-1], 1 + int(span / KEY_FRAMES_APART + 1e-9))
    if len(keys) < 2:
        return np.ones((len(seconds), 1))
    return np.stack([np.interp(seconds, keys, row) for row in np.eye(len(keys))], axis=1)
