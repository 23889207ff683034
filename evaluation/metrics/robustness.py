"""Metrics of smallest breaking eps: robust accuracy at an eps, area under the security curve."""

from collections.abc import Sequence

import numpy as np


def is_robust(smallest_eps: np.ndarray, *, eps: float) -> np.ndarray:
    """Bool (N,): images classified correctly when clean and on every attacked image up to `eps`.

    Raises:
        ValueError: `smallest_eps` is not (N,) of non-negative or NaN, or `eps` is negative.
    """
    smallest_eps = _checked_eps(smallest_eps)
    if not eps >= 0:
        raise ValueError(f"`eps` must be >= 0. Received: {eps}")
    return ~(smallest_eps <= eps)


def censored_eps(smallest_eps: np.ndarray) -> np.ndarray:
    """Smallest breaking eps of the images correct when clean; infinite where no eps breaks them.

    Its quantiles (`statistics.quantile`) say by which eps a share of the images is broken; infinity
    means "beyond the grid", never 0.
    """
    smallest_eps = _checked_eps(smallest_eps)
    right = smallest_eps[is_robust(smallest_eps, eps=0)]
    return np.where(np.isnan(right), np.inf, right)


def security_curve_areas(smallest_eps: np.ndarray, *, eps_grid: Sequence[float]) -> np.ndarray:
    """Contribution of each image to the security curve's area, float64 (N,) in [0, 1].

    Their mean is the area: the mean robust accuracy between eps 0 and the largest of the grid, by
    trapezoids. It is at most the clean accuracy.

    Source: Biggio, Fumera & Roli 2014, "Security evaluation of pattern classifiers under attack",
    IEEE TKDE 26(4), for the curve.

    Raises:
        ValueError: the grid is empty, not rising, or does not start above 0.
    """
    grid = np.concatenate([[0.0], np.asarray(eps_grid, np.float64)])
    if len(grid) < 2 or not (np.diff(grid) > 0).all():
        raise ValueError(f"`eps_grid` must rise from above 0. Received: {list(eps_grid)}")
    curves = np.stack([is_robust(smallest_eps, eps=eps) for eps in grid], axis=1).astype(np.float64)
    return np.trapezoid(curves, grid, axis=1) / grid[-1]


def _checked_eps(smallest_eps: np.ndarray) -> np.ndarray:
    smallest_eps = np.asarray(smallest_eps, np.float64)
    if smallest_eps.ndim != 1 or (smallest_eps < 0).any():
        raise ValueError(
            "`smallest_eps` must be (N,), each >= 0 or NaN. "
            f"Received: shape={smallest_eps.shape}, "
            f"smallest={np.nanmin(smallest_eps, initial=np.inf)}"
        )
    return smallest_eps
