"""The figures of readings of clips, from the rows of their frames.

Reads `frames.parquet`, makes the rows of `results.csv` (`evaluation/results/reading.py`). How
robust is defined: read correctly (or as the reference) without attack and in the clip that the
attack handed over.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluation.metrics.readings import flips, frames_waited, lasting_changes
from evaluation.results.reading import (
    CLEAN,
    EVERY,
    LABELS,
    NOISE,
    READING_COLUMNS,
    REFERENCE,
    UNSMOOTHED,
)
from evaluation.statistics.blocks import (
    block_length,
    effective_frames,
    gain_of_frames,
    share_of_frames,
)
from evaluation.statistics.intervals import Interval, proportion, quantile

_Key = tuple[str, str, float]
"""Smoothing, perturbation, eps."""


@dataclass(frozen=True, eq=False)
class _Clip:
    """One clip as one model read it; arrays have one entry per frame."""

    seconds: np.ndarray
    expected: np.ndarray
    scored: np.ndarray
    margin: np.ndarray
    readings: dict[_Key, np.ndarray]

    def right(self, key: _Key) -> np.ndarray:
        """Scored frames whose reading is what is expected, also without attack; bool."""
        clean = self.readings[key[0], CLEAN, 0.0] == self.expected
        return (clean & (self.readings[key] == self.expected))[self.scored]

    def length(self, answers: np.ndarray) -> int:
        """Length of blocks for answers, one per frame of some or all of them."""
        return block_length(self.margin, answers)

    @property
    def rate(self) -> float:
        """Frames per second."""
        return (len(self.seconds) - 1) / float(self.seconds[-1] - self.seconds[0])


def score_readings(
    frames: pd.DataFrame, seed: int, checks: Sequence[Mapping[str, Any]] = ()
) -> pd.DataFrame:
    """Every figure of some readings.

    Args:
        frames: rows with `FRAME_COLUMNS`.
        seed: random seed of the attacks, for the rows.
        checks: rows as of `checks.parquet`; the figures of an attack that failed one are flagged.

    Returns:
        Rows with `READING_COLUMNS`: per model, clip (and all clips with the same kind of
        reference), smoother, perturbation and eps.
    """
    rows: list[dict[str, Any]] = []
    failed = {
        (check["model"], check["attacked_labels"], check["perturbation"])
        for check in checks
        if check["status"] != "ok"
    }
    for (model, reference), part in frames.groupby(["model", "reference"], sort=False):
        clips = {name: _clip(read) for name, read in part.groupby("clip", sort=False)}
        groups = {name: [clip] for name, clip in clips.items()}
        if len(clips) > 1:
            groups[EVERY[reference]] = list(clips.values())
        for name, group in groups.items():
            fixed = {"model": model, "clip": name, "reference": reference, "seed": seed}
            for row in _figures(group, reference):
                flagged = (model, reference, row["perturbation"]) in failed
                rows.append({**fixed, **row, **({"status": "flagged"} if flagged else {})})
    return pd.DataFrame(rows, columns=list(READING_COLUMNS)).astype(READING_COLUMNS)


def _clip(rows: pd.DataFrame) -> _Clip:
    readings = {
        (smoothing, perturbation, eps): read["reading"].to_numpy(str)
        for (smoothing, perturbation, eps), read in rows.groupby(
            ["smoothing", "perturbation", "eps"], sort=False
        )
    }
    first = rows.drop_duplicates("frame").sort_values("frame")
    return _Clip(
        first["seconds"].to_numpy(float),
        first["expected"].to_numpy(str),
        first["scored"].to_numpy(bool),
        first["margin"].to_numpy(float),
        readings,
    )


def _figures(clips: Sequence[_Clip], reference: str) -> Iterator[dict[str, Any]]:
    share = "accuracy" if reference == LABELS else "agreement"
    real = [flips(clip.expected) for clip in clips]
    given, frames = _rate(clips, real)
    exact = given._replace(low=np.nan, high=np.nan)  # it is given, not estimated
    yield _row((REFERENCE, CLEAN, 0.0), "flips_per_second", exact, frames, len(clips))
    noisy: dict[tuple[str, float], float] = {}
    for key in clips[0].readings:
        smoothing, perturbation, eps = key
        right = [clip.right(key) for clip in clips]
        lengths = [clip.length(answers) for clip, answers in zip(clips, right)]
        found = share_of_frames(right, lengths)
        if perturbation == NOISE:
            noisy[smoothing, eps] = found.value
        weaker = perturbation != CLEAN and found.value > noisy.get((smoothing, eps), 1.0)
        status = "flagged" if weaker else "ok"
        metric = share if perturbation == CLEAN else f"robust_{share}"
        effective = effective_frames(right, lengths)
        yield _row(key, metric, found, effective, len(clips), status)
        if smoothing != UNSMOOTHED:
            plain = [clip.right((UNSMOOTHED, perturbation, eps)) for clip in clips]
            gained = [a.astype(float) - b for a, b in zip(right, plain)]
            gain = gain_of_frames(gained, [c.length(g) for c, g in zip(clips, gained)])
            yield _row(key, f"{metric}_gain", gain, effective, len(clips), status)
        changed = [flips(clip.readings[key]) for clip in clips]
        yield _row(key, "flips_per_second", *_rate(clips, changed), len(clips), status)
        if perturbation == CLEAN:
            yield from _delays(clips, key)


def _rate(clips: Sequence[_Clip], changed: list[np.ndarray]) -> tuple[Interval, float]:
    """Changes per second, and the effective number of frames."""
    lengths = [clip.length(answers) for clip, answers in zip(clips, changed)]
    found = share_of_frames(changed, lengths)
    frames = sum(map(len, changed))
    rate = frames / sum(len(answers) / clip.rate for clip, answers in zip(clips, changed))
    scaled = Interval(rate * found.value, rate * found.low, rate * found.high, found.n)
    return scaled, effective_frames(changed, lengths)


def _delays(clips: Sequence[_Clip], key: _Key) -> Iterator[dict[str, Any]]:
    """How long a smoother takes to follow the changes that the single frames show clearly.

    Those are the lasting changes after which the reading without smoothing has the new label in at
    least half of the frames; a change that a smoother never follows counts as an infinite delay.
    """
    waited, seconds = [], []
    for clip in clips:
        plain = clip.readings[UNSMOOTHED, CLEAN, 0.0] == clip.expected
        for change in lasting_changes(clip.expected, clip.seconds):
            if plain[change.start : change.end].mean() < 0.5:
                continue
            frames = frames_waited(clip.readings[key], clip.expected, change)
            waited.append(frames)
            reached = change.start + int(frames) if np.isfinite(frames) else None
            seconds.append(
                np.inf if reached is None else clip.seconds[reached] - clip.seconds[change.start]
            )
    n = float(len(waited))
    for metric, values in (("median_delay", seconds), ("median_delay_frames", waited)):
        found = quantile(np.array(values), 0.5)
        found = found._replace(low=max(found.low, 0.0))  # no bound: no delay is below 0
        yield _row(key, metric, found, n, len(clips))
    followed = proportion(int(np.isfinite(waited).sum()), len(waited))
    yield _row(key, "followed", followed, n, len(clips))


def _row(
    key: _Key, metric: str, found: Interval, effective: float, clips: int, status: str = "ok"
) -> dict[str, Any]:
    smoothing, perturbation, eps = key
    return {
        "smoothing": smoothing,
        "perturbation": perturbation,
        "norm": "" if perturbation == CLEAN else "linf",
        "eps": eps,
        "metric": metric,
        "value": found.value,
        "ci_low": found.low,
        "ci_high": found.high,
        "n": found.n,
        "clips": clips,
        "effective_n": effective,
        "status": status,
    }
