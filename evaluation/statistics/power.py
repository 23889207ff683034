"""The smallest difference between two models that n images can detect."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom, norm

LEVEL = 0.05
"""Two-sided level of a test."""
POWER = 0.8
"""Probability of detecting the difference."""


def smallest_detectable_difference(n: int, discordant: float, *, alpha: float = LEVEL) -> float:
    """Smallest accuracy difference that the exact McNemar test detects with probability `POWER`.

    Args:
        n: independent images that both models classified: the whole part of their `effective_size`
            where some are equal.
        discordant: share of images on which exactly one model is right, in (0, 1].
        alpha: two-sided level of the test.

    Returns:
        Difference in (0, discordant]; infinity when even a difference of `discordant` is too
        small to be found on n images.

    Source: Duffy 1984, Biometrics 40, 1005-1015 (unconditional power of the exact test), solved
    for the difference.

    Raises:
        ValueError: n is below 1 or `discordant` outside (0, 1].
    """
    if n < 1 or not 0 < discordant <= 1:
        raise ValueError(
            f"`n` must be >= 1 and `discordant` in (0, 1]. Received: {n} and {discordant}"
        )
    likely = binom(n, discordant)
    sizes = np.arange(int(likely.ppf(1e-6)), int(likely.ppf(1 - 1e-6)) + 1)
    chances = likely.pmf(sizes)
    most = binom.ppf(alpha / 2, sizes, 0.5)  # wins up to which the test finds a difference
    most = np.where(binom.cdf(most, sizes, 0.5) > alpha / 2, most - 1, most)

    def lacking(difference: float) -> float:
        share = (1 + difference / discordant) / 2
        found = binom.cdf(most, sizes, share) + binom.sf(sizes - most - 1, sizes, share)
        return float(POWER - chances @ found)

    return float(brentq(lacking, 0, discordant)) if lacking(discordant) <= 0 else np.inf


def smallest_independent_difference(n: float, accuracy: float, *, alpha: float = LEVEL) -> float:
    """Smallest accuracy difference that two samples of n images each detect with `POWER`.

    Args:
        n: independent images of each sample, their `effective_size` where some are equal.
        accuracy: accuracy of one model; the other one is nearer to 1/2, where more is needed.
        alpha: two-sided level of the test of two proportions.

    Returns:
        Difference in (0, 1); infinity when n is too small for any.

    Source: Fleiss, Levin & Paik 2003, "Statistical methods for rates and proportions", formula
    4.14, solved for the difference.

    Raises:
        ValueError: n is below 1 or `accuracy` outside [0, 1].
    """
    if n < 1 or not 0 <= accuracy <= 1:
        raise ValueError(f"`n` must be >= 1 and `accuracy` in [0, 1]. Received: {n} and {accuracy}")
    z_alpha, z_power = norm.ppf(1 - alpha / 2), norm.ppf(POWER)
    lower = min(accuracy, 1 - accuracy)  # the test is the same for errors

    def lacking(difference: float) -> float:
        other = lower + difference
        middle = (lower + other) / 2
        spread = np.sqrt(lower * (1 - lower) + other * (1 - other))
        pooled = np.sqrt(2 * middle * (1 - middle))
        return z_alpha * pooled + z_power * spread - difference * np.sqrt(n)

    largest = 1 - lower
    tiny = 1e-9 * largest  # at 0 both sides vanish when the accuracy is 0 or 1
    return float(brentq(lacking, tiny, largest)) if lacking(largest) <= 0 else np.inf
