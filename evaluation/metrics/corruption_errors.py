"""Corruption errors relative to a baseline model: mCE and relative mCE.

Source: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions
and perturbations", arXiv 1903.12261, section 4. The published figures divide by AlexNet's errors on
ImageNet-C; here the baseline is one of our models on the same images.

Errors are shares in [0, 1]: by type and severity (..., C, S), and on clean images (...).
"""

import numpy as np

# Over n images a sum of errors that is not 0 is at least 1 / n, and rounding of a few shares stays
# near 1e-15: up to a million images, whatever is this small is 0.
_ROUNDING = 1e-9


def corruption_errors(errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """CE of each type, float64 (..., C): the sum over severities divided by the baseline's.

    Their mean over types is the mCE. NaN where the baseline makes no error.

    Raises:
        ValueError: shapes differ.
    """
    errors, baseline = _checked(errors, baseline)
    return _divide(errors.sum(axis=-1), baseline.sum(axis=-1))


def relative_corruption_errors(
    errors: np.ndarray,
    clean: np.ndarray,
    baseline: np.ndarray,
    baseline_clean: np.ndarray,
) -> np.ndarray:
    """Relative CE of each type, float64 (..., C): what corruption adds to the clean error.

    Their mean over types is the relative mCE. NaN where a corruption costs the baseline
    nothing; large and doubtful where it costs it little.

    Raises:
        ValueError: shapes differ.
    """
    errors, baseline = _checked(errors, baseline)
    added = errors - np.asarray(clean)[..., None, None]
    baseline_added = baseline - np.asarray(baseline_clean)[..., None, None]
    return _divide(added.sum(axis=-1), baseline_added.sum(axis=-1))


def _checked(errors: np.ndarray, baseline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    errors, baseline = np.asarray(errors, np.float64), np.asarray(baseline, np.float64)
    if errors.shape != baseline.shape or errors.ndim < 2:
        raise ValueError(
            "`errors` and `baseline` must both be (..., C, S). "
            f"Received: shapes {errors.shape} and {baseline.shape}"
        )
    return errors, baseline


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    nothing = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=nothing, where=np.abs(denominator) > _ROUNDING)
