"""Clips with planted expressions: a neutral face that blends into an expressive one and back.

FER2013 has no identities, so the expressive face is another person's. Each clip has one neutral
face, 60 s at 25 frames per second. Frames carry what the crops of a clip carry: boxes that jitter
(about twice as much as BlazeFace's on a still face, 0.3 % of its width), noise of the sensor, and
light that changes slowly; a moving face also turns its head in the plane by up to 6 degrees, under
light that changes by a tenth.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

RATE, SECONDS = 25, 60
SIDE = 48
KINDS = {"brief": (0.5, 4.0), "flash": (0.06, 0.2), "lasting": (6.0, 9.0)}
"""Duration of what is planted, at half of the blend, in seconds. Only `brief` is an event."""
SHARES = (0.8, 0.1, 0.1)
"""Share of each kind."""
PAUSE = (4.0, 10.0)
"""Seconds between them."""
RAMP = (0.12, 0.4)
"""Seconds of a blend."""
NOISE = 2.0
"""Standard deviation of the sensor's noise, in 255ths."""
_SHIFT, _SCALE, _TURN, _LIGHT = 0.25, 0.006, 0.5, 0.02
"""Standard deviations of the box's place in pixels and its size, of angle in degrees, of light;
the first two twice: from frame to frame, and over a second."""
_MOVING_TURN, _MOVING_LIGHT = 6.0, 0.1


class Planted(NamedTuple):
    """One expression: its kind, from when to when in seconds, class and image."""

    kind: str
    start: float
    end: float
    emotion: int
    image: np.ndarray


def plan(
    rng: np.random.Generator, images: np.ndarray, labels: np.ndarray, emotions: Sequence[int]
) -> list[Planted]:
    """Draw the expressions of one clip.

    Args:
        rng: random numbers.
        images: uint8 (N, 48, 48) faces.
        labels: (N,) their classes.
        emotions: classes to draw from, with equal shares.
    """
    planted, start = list[Planted](), rng.uniform(2, 5)
    while True:
        kind = str(rng.choice(list(KINDS), p=SHARES))
        end = start + rng.uniform(*KINDS[kind])
        if end > SECONDS - 2:
            return planted
        emotion = int(rng.choice(emotions))
        image = images[rng.choice(np.flatnonzero(labels == emotion))]
        planted.append(Planted(kind, start, end, emotion, image))
        start = end + rng.uniform(*PAUSE)


def render(
    rng: np.random.Generator, neutral: np.ndarray, planted: Sequence[Planted], moving: bool
) -> np.ndarray:
    """The frames, float32 (1500, 48, 48, 1) in [0, 1]; `neutral` is uint8 (48, 48)."""
    count = SECONDS * RATE
    shares = [_blend(rng, one, np.arange(count) / RATE) for one in planted]
    x, y = (rng.normal(0, _SHIFT, count) + _drift(rng, _SHIFT) for _ in range(2))
    scale = 1 + rng.normal(0, _SCALE, count) + _drift(rng, _SCALE)
    turn, light = _drift(rng, _TURN), 1 + _drift(rng, _LIGHT)
    if moving:
        turn, light = turn + _sway(rng, _MOVING_TURN), light + _sway(rng, _MOVING_LIGHT)
    frames = np.empty((count, SIDE, SIDE, 1), np.float32)
    middle = (SIDE - 1) / 2
    for i in range(count):
        face = neutral.astype(np.float32)
        for one, share in zip(planted, shares):
            if share[i]:
                face = (1 - share[i]) * face + share[i] * one.image
        matrix = cv2.getRotationMatrix2D((middle, middle), turn[i], scale[i])
        matrix[:, 2] += x[i], y[i]
        face = cv2.warpAffine(face, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        face = face * light[i] + rng.normal(0, NOISE, face.shape)
        frames[i, :, :, 0] = np.clip(np.rint(face), 0, 255) / 255
    return frames


def _blend(rng: np.random.Generator, one: Planted, times: np.ndarray) -> np.ndarray:
    """Share of the expressive face over time: one half at start and end."""
    ramp = min(rng.uniform(*RAMP), 0.9 * (one.end - one.start))
    nearest = np.minimum(times - one.start, one.end - times)
    share = 0.5 - 0.5 * np.cos(np.pi * np.clip(nearest / ramp + 0.5, 0, 1))
    return np.asarray(share)


def _drift(rng: np.random.Generator, deviation: float) -> np.ndarray:
    """A random walk that returns to 0 within about a second."""
    keep = np.exp(-1 / RATE)
    steps = rng.normal(0, deviation * np.sqrt(1 - keep**2), SECONDS * RATE)
    values = np.empty_like(steps)
    last = rng.normal(0, deviation)
    for i, step in enumerate(steps):
        values[i] = last = keep * last + step
    return values


def _sway(rng: np.random.Generator, most: float) -> np.ndarray:
    period, phase = rng.uniform(2.5, 9), rng.uniform(0, 2 * np.pi)
    return np.asarray(most * np.sin(2 * np.pi * np.arange(SECONDS * RATE) / RATE / period + phase))
