"""One row of a synthetic run's figures: a share, or a plain number."""

from typing import Any

import numpy as np


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % Wilson interval."""
    if total == 0:
        return float("nan"), float("nan")
    z, share = 1.959964, right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def rate(base: dict[str, Any], metric: str, right: int, total: int) -> dict[str, Any]:
    low, high = wilson(right, total)
    value = right / total if total else float("nan")
    return base | {"metric": metric, "value": value, "ci_low": low, "ci_high": high, "n": total}


def plain(base: dict[str, Any], metric: str, value: float, total: int) -> dict[str, Any]:
    return base | {
        "metric": metric,
        "value": value,
        "ci_low": value - 0.03,
        "ci_high": value + 0.03,
        "n": total,
    }
