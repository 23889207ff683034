"""What an attack is in the benchmarks: a call that takes images and labels."""

from collections.abc import Callable

import numpy as np

Attacker = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Images float32 (N, H, W, C) in [0, 1] and labels int64 (N,) to images of the same shape."""
