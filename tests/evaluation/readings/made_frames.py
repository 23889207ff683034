"""Frames of readings with known figures, without any model."""

import numpy as np
import pandas as pd

from evaluation.results.reading import CLEAN_READING, FRAME_COLUMNS, LABELS

EXPECTED = np.repeat(["happy", "sad", "angry"], 20)
GRID = (1 / 255, 2 / 255)


def rows(reading, smoothing="none", perturbation="none", eps=0.0, **other):
    """Rows of one clip of 60 frames, 20 per second."""
    frames = np.arange(len(EXPECTED))
    fixed = {
        "model": "tiny.fer",
        "clip": "planted 1",
        "reference": LABELS,
        "frame": frames,
        "seconds": frames / 20,
        "expected": EXPECTED,
        "scored": frames % 20 >= 2,
        "margin": np.sin(frames),
    }
    read = {"smoothing": smoothing, "perturbation": perturbation, "eps": eps, "reading": reading}
    return pd.DataFrame({**fixed, **read, **other})[list(FRAME_COLUMNS)]


def late(frames):
    """The reference, this many frames late."""
    return np.concatenate([EXPECTED[:1].repeat(frames), EXPECTED[: len(EXPECTED) - frames]])


def clip(name="planted 1", reference=LABELS, shift=0):
    """Unsmoothed and smoothed readings, clean and under three attacks.

    Smoothing comes 5 frames late; noise changes nothing; PGD breaks the first `10 + shift` frames
    at 2/255, the adaptive attack all frames from 30 on at 1/255, and all at 2/255.
    """
    fixed = {"clip": name, "reference": reference}
    parts = []
    for smoothing, clean in (("none", late(0)), ("mean:9", late(5))):
        parts.append(rows(clean, smoothing, **fixed))
        for eps in GRID:
            early = np.where(np.arange(60) < 10 + shift, "fear", clean)
            half = np.where(np.arange(60) >= (30 if eps == GRID[0] else 0), "fear", clean)
            parts += [
                rows(clean, smoothing, "noise", eps, **fixed),
                rows(clean if eps == GRID[0] else early, smoothing, "per_frame", eps, **fixed),
                rows(clean, smoothing, "whole_clip", eps, **fixed),
                rows(clean, smoothing, "slow", eps, **fixed),
                rows(half, smoothing, "adaptive", eps, **fixed),
            ]
    return pd.concat(parts, ignore_index=True)


def frames():
    """Two planted clips and a real one."""
    parts = clip(), clip("planted 2", shift=4), clip("walk.mp4", CLEAN_READING)
    return pd.concat(parts, ignore_index=True)
