"""Severity tables for 48 px: between those published for 32 px and 64 px images.

Source: Hendrycks & Dietterich 2019, arXiv 1903.12261: CIFAR-10-C (32 px) and Tiny-ImageNet-C
(64 px), their code. The tables for 224 px are far too strong here.
"""

import numpy as np


def between(*, at_32px: tuple[float, ...], at_64px: tuple[float, ...]) -> tuple[float, ...]:
    """Geometric mean of two tables, severity 1 to 5."""
    return tuple(float(value) for value in np.sqrt(np.array(at_32px) * np.array(at_64px)))
