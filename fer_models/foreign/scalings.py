"""Scalings of pixels that foreign models are known to expect; the probe tries them all."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fer_models.contract import PixelStep


class Scaling(NamedTuple):
    """A scaling: in words, and as fields of a contract.

    A rare one is taken only where it is clearly better than all usual ones.
    """

    words: str
    fields: dict[str, Any]
    rare: bool = False


class Stranger(NamedTuple):
    """A way to prepare faces that no contract can express: in words, and on images in [0, 1]."""

    words: str
    prepare: Callable[[np.ndarray], np.ndarray]


_RANGES = {"0 to 1": {}, "-1 to 1": {"low": -1.0, "high": 1.0}, "0 to 255": {"high": 255.0}}
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_CAFFE = {"high": 255.0, "mean": (103.939, 116.779, 123.68), "steps": (PixelStep.BGR,)}
_SIGNED = (-128.0, 127.0)
"""Limits of an input of signed 8 bits."""
MOST_CLIPPED = 0.25
"""Share of the span from black to white that a model may cut off. Those of 8 bits whose limits were
measured on faces may cut off a little; a wrong scaling loses half and more."""
LEAST_STEPS = 16
"""Steps between black and white that an input of integers must tell apart. Those of 8 bits have
255. Under a scaling from 0 to 1 an input of whole numbers has one: a face would be a silhouette."""


def known_scalings(
    channels: int, limits: tuple[float, float] | None = None, step: float = 0.0
) -> list[Scaling]:
    """The scalings that a model may expect, the most usual ones first.

    Args:
        channels: 1 or 3.
        limits: values that its input takes, as in `RawModel`; scalings beyond them are left out,
            unless all others are but those that depend on the image.
        step: distance between neighbouring values, likewise; 0: any are taken. Scalings that it
            leaves fewer than `LEAST_STEPS` are left out too.
    """
    every = _every_scaling(channels)
    if limits == _SIGNED:
        low, high = _SIGNED
        every.insert(0, Scaling("-128 to 127", {"low": low, "high": high}))
    within = [each for each in every if _fits(each.fields, limits, step)]
    return within if any("steps" not in each.fields for each in within) else every


def clipped_share(
    ends: tuple[float, float],
    mean: Sequence[float],
    std: Sequence[float],
    limits: tuple[float, float] | None,
) -> float:
    """Share of the span from black to white that lies beyond the limits of a model's input.

    Args:
        ends: values of a black and a white pixel.
        mean: subtracted from them, one or one per channel.
        std: they are divided by it after that, likewise.
        limits: smallest and largest value that is taken; None: any.
    """
    if limits is None:
        return 0.0
    values = np.sort((np.array(ends)[:, None] - np.array(mean)) / np.array(std), axis=0)
    inside = np.clip(values, *limits)
    return float((1 - np.ptp(inside, axis=0) / np.ptp(values, axis=0)).max())


def steps_between(
    ends: tuple[float, float], std: Sequence[float], is_standardised: bool, step: float
) -> float:
    """How many steps of a model's input lie between its darkest and brightest pixels.

    Args:
        ends: values of a black and a white pixel.
        std: they are divided by it after that, one or one per channel.
        is_standardised: each image is standardised before; most of it lies within 4 deviations.
        step: distance between neighbouring values of the input; 0: any are taken.
    """
    span = abs(ends[1] - ends[0]) / max(std) * (4 if is_standardised else 1)
    return span / step if step else np.inf


def _fits(fields: dict[str, Any], limits: tuple[float, float] | None, step: float) -> bool:
    """Whether an input can hold the pixels of a scaling."""
    ends = fields.get("low", 0.0), fields.get("high", 1.0)
    mean, std = fields.get("mean", (0.0,)), fields.get("std", (1.0,))
    is_standardised = PixelStep.STANDARDISE in fields.get("steps", ())
    share = 0.0 if is_standardised else clipped_share(ends, mean, std, limits)
    steps = steps_between(ends, std, is_standardised, step)
    return share <= MOST_CLIPPED and steps >= LEAST_STEPS


def _every_scaling(channels: int) -> list[Scaling]:
    found = [Scaling(words, fields) for words, fields in _RANGES.items()]
    found.append(Scaling("-0.5 to 0.5", {"low": -0.5, "high": 0.5}, rare=True))
    if channels == 3:
        found.append(Scaling("ImageNet mean and std", _IMAGENET))
        found.append(Scaling("blue, green, red of 0 to 255 minus their means", _CAFFE))
    found.append(Scaling("each image standardised", {"steps": (PixelStep.STANDARDISE,)}))
    for words, fields in _RANGES.items():
        equalised = {**fields, "steps": (PixelStep.EQUALISE,)}
        found.append(Scaling(f"histogram equalised, {words}", equalised, rare=True))
    return found


def _stretch(images: np.ndarray) -> np.ndarray:
    low = images.min(axis=(1, 2, 3), keepdims=True)
    high = images.max(axis=(1, 2, 3), keepdims=True)
    return (images - low) / np.maximum(high - low, 1 / 255)


def _equalise_locally(images: np.ndarray) -> np.ndarray:
    from skimage.exposure import equalize_adapthist

    return np.stack([equalize_adapthist(image).reshape(image.shape) for image in images])


STRANGERS = (
    Stranger("each image stretched to its darkest and brightest pixel", _stretch),
    Stranger("contrast equalised locally (CLAHE)", _equalise_locally),
    Stranger("brightness raised to the power 1/2.2 (gamma)", lambda images: images ** (1 / 2.2)),
)
"""What a model may have been trained on though a contract cannot say so."""
