"""Shares of frames, which are not independent: blocks of frames and clips as samples.

Neighbouring frames of a clip are alike, so a share of 500 frames knows less than one of 500 faces.
Within one clip the variance of a share is that of the circular block bootstrap; between several
clips it is that of the clips. `proportion` then gets the number of independent frames with the same
variance.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from evaluation.statistics.intervals import CONFIDENCE, Interval, proportion

LEAST_BLOCKS = 3
"""Least number of blocks that a clip is divided into: fewer have no variance to speak of."""
LONGER = 2.0
"""How much longer blocks are than those with the least error of the variance: with those, 95 %
intervals of frames whose correlation is 0.9 cover 87 to 90 % (docs/video.md)."""


def block_length(*series: np.ndarray) -> int:
    """Length of blocks that suits the autocorrelation of some series of the same frames.

    Args:
        series: float (T,) each, one number per frame. Beside answers that are right or wrong, which
            may all be equal, a continuous series tells how alike neighbouring frames are.

    Returns:
        `LONGER` times the longest of their `best_block_length`, from 1 to T / `LEAST_BLOCKS`.
    """
    longest = max(map(best_block_length, series))
    most = max(1, min(map(len, series)) // LEAST_BLOCKS)
    return int(np.clip(round(LONGER * longest) if longest > 1 else 1, 1, most))


def best_block_length(series: np.ndarray) -> float:
    """Length of blocks by which the bootstrap estimates the variance of the mean best.

    Args:
        series: float (T,), one number per frame.

    Returns:
        At least 1; 1 for a constant series.

    Source: Politis & White 2004, Econometric Reviews 23(1), 53-70, sections 3.2 and 4, for the
    circular bootstrap, as corrected by Patton, Politis & White 2009.
    """
    n = len(series)
    centred = np.asarray(series, np.float64) - np.mean(series)
    if n < 2 or not centred.any():
        return 1.0
    patience = max(5, math.ceil(math.log10(n)))
    last = min(n - 1, math.ceil(math.sqrt(n)) + patience)
    covariances = np.array([centred[: n - lag] @ centred[lag:] for lag in range(last + 1)]) / n
    correlations = np.abs(covariances[1:] / covariances[0])
    threshold = 2 * math.sqrt(math.log10(n) / n)
    significant = np.flatnonzero(correlations >= threshold) + 1
    quiet = [
        lag
        for lag in range(last - patience + 1)
        if (correlations[lag : lag + patience] < threshold).all()
    ]
    furthest = quiet[0] if quiet else int(significant[-1]) if len(significant) else 1
    bandwidth = min(2 * max(furthest, 1), last)
    lags = np.arange(-bandwidth, bandwidth + 1)
    window = np.clip(2 * (1 - np.abs(lags) / bandwidth), 0, 1)  # flat top: 1 up to a half
    weighted = window * covariances[np.abs(lags)]
    spectrum, slope = weighted.sum(), (weighted * np.abs(lags)).sum()
    if not spectrum:
        return float(n)
    return max(1.0, float((2 * slope**2 / (4 / 3 * spectrum**2) * n) ** (1 / 3)))


def effective_frames(clips: Sequence[np.ndarray], lengths: Sequence[int]) -> float:
    """Number of independent frames that know a share as well as these frames do.

    Between two or more clips, the variance of the share is that of the ratio of sums over clips;
    within a single clip that of the circular block bootstrap, whose expectation needs no draws.
    Where every frame agrees, no variance can be seen, and each block counts once.

    Args:
        clips: bool (T,) per clip, one answer per frame.
        lengths: `block_length` per clip.

    Source: Politis & Romano 1992 (circular blocks); Cochran 1977, "Sampling techniques", equation
    6.13 (ratio of sums); Korn & Graubard 1998, Survey Methodology 24(2), 193-201 (effective size,
    with Student's t for the few samples behind the variance).
    """
    total = sum(map(len, clips))
    if not total:
        return 0.0
    blocks = sum(len(clip) / length for clip, length in zip(clips, lengths, strict=True))
    share = sum(float(clip.sum()) for clip in clips) / total
    variance, freedom = _between(clips, share) if len(clips) > 1 else _within(clips[0], lengths[0])
    if not variance or total < 2:
        return min(blocks, float(total))
    few = (student.ppf(_UPPER, total - 1) / student.ppf(_UPPER, max(freedom, 1))) ** 2
    return float(np.clip(share * (1 - share) / variance * few, 1, total))


def share_of_frames(clips: Sequence[np.ndarray], lengths: Sequence[int]) -> Interval:
    """Share of frames with its 95 % interval; see `effective_frames`. No frames give NaN."""
    count, n = (int(sum(measure(clip) for clip in clips)) for measure in (np.sum, len))
    return proportion(count, n, effective=effective_frames(clips, lengths))


def gain_of_frames(clips: Sequence[np.ndarray], lengths: Sequence[int]) -> Interval:
    """Mean of paired differences of frames with its 95 % interval, from the same variances.

    Where every difference is 0, the interval reaches as far as the share of other frames may.

    Args:
        clips: float (T,) per clip, from -1 to 1.
        lengths: `block_length` per clip.
    """
    n = sum(map(len, clips))
    if not n:
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = float(sum(clip.sum() for clip in clips)) / n
    variance, freedom = _between(clips, mean) if len(clips) > 1 else _within(clips[0], lengths[0])
    half = float(student.ppf(_UPPER, max(freedom, 1))) * math.sqrt(variance)
    if not variance:
        half = share_of_frames([np.zeros(len(clip), bool) for clip in clips], lengths).high
    return Interval(mean, max(mean - half, -1.0), min(mean + half, 1.0), n)


_UPPER = (1 + CONFIDENCE) / 2


def _within(clip: np.ndarray, length: int) -> tuple[float, float]:
    """Variance of the mean under the circular block bootstrap, and its degrees of freedom."""
    wide = clip.astype(np.float64)
    n = len(wide)
    circle = np.concatenate([[0.0], np.concatenate([wide, wide[: length - 1]]).cumsum()])
    means = (circle[length:] - circle[:-length]) / length
    blocks = n / length
    return float(np.square(means - wide.mean()).mean() / max(blocks - 1, 1)), blocks - 1


def _between(clips: Sequence[np.ndarray], share: float) -> tuple[float, float]:
    """Variance of the ratio of sums over clips, and its degrees of freedom."""
    sizes = np.array([len(clip) for clip in clips], np.float64)
    left = np.array([clip.sum() for clip in clips]) - share * sizes
    m = len(clips)
    return float(m / (m - 1) * np.square(left).sum() / sizes.sum() ** 2), m - 1.0
