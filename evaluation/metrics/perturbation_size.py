"""How large a perturbation is: its norms, and how similar the two images look (SSIM)."""

import numpy as np
from skimage.metrics import structural_similarity

from attacks.threat_model import Norm, distance

_WINDOW = 11
"""Pixels of the Gaussian window of sigma 1.5; SSIM needs at least this many rows and columns."""


def perturbation_sizes(clean: np.ndarray, perturbed: np.ndarray) -> dict[str, np.ndarray]:
    """Norms of the difference and SSIM of N pairs of images.

    Args:
        clean: float32 (N, H, W, C) in [0, 1].
        perturbed: float32 (N, H, W, C) in [0, 1].

    Returns:
        `linf`, `l2`, `l1` and `ssim` (1 for equal images; NaN below 11x11 pixels), float64 (N,).

    Source: Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment: from error visibility
    to structural similarity", IEEE Transactions on Image Processing 13, 600-612; its settings.
    """
    norms = {str(norm): distance(perturbed, clean, norm) for norm in (Norm.LINF, Norm.L2, Norm.L1)}
    if min(clean.shape[1:3]) < _WINDOW:
        return {**norms, "ssim": np.full(len(clean), np.nan)}
    alike = [
        structural_similarity(
            one.astype(np.float64),
            other.astype(np.float64),
            data_range=1.0,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for one, other in zip(clean, perturbed, strict=True)
    ]
    return {**norms, "ssim": np.array(alike, np.float64)}
