"""Scalings of pixels that foreign models are known to expect; the probe tries them all."""

from collections.abc import Callable
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


def known_scalings(channels: int) -> list[Scaling]:
    """The scalings that a model of 1 or 3 channels may expect, the most usual ones first."""
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
