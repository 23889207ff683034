"""Whether a generated face is a copy: its distance from the nearest Training face.

A face is new when its distance to the nearest Training face, mirrored or not, exceeds the 5th
percentile of the same distance for genuinely new PublicTest faces, in pixels and in the features of
a classifier. Genuinely new faces neither occur in Training nor correlate with a face there as
another crop, size or watermark of the same photograph does.
"""

from dataclasses import dataclass
from typing import NamedTuple, cast

import keras
import numpy as np

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.near_duplicates import SAME_PHOTOGRAPH
from datasets.source import Source
from fer_models.keras_classifier import KerasClassifier
from fer_models.training.second_head import logits_layer
from fer_models.zoo import load

PERCENTILE = 5
_ROWS = 256


class Limits(NamedTuple):
    """Distances beyond which a face counts as new; units as in `Distances`."""

    pixels: float
    features: float


@dataclass(frozen=True)
class Distances:
    """Distances from faces to the nearest Training face.

    Attributes:
        pixels: float32 (N,), L2 of pixels in [0, 1].
        features: float32 (N,), L2 of the features.
    """

    pixels: np.ndarray
    features: np.ndarray

    def beyond(self, limits: Limits) -> np.ndarray:
        """Bool (N,): farther than both limits."""
        return (self.pixels > limits.pixels) & (self.features > limits.features)


class Novelty:
    """Distances to the Training faces, and the limits that new faces exceed.

    Args:
        training: the faces the generator has seen.
        others: faces of the same kind that it has not seen, without those that occur in Training.
        classifier: classifier whose last features are compared.
    """

    def __init__(self, training: FaceSet, others: FaceSet, classifier: KerasClassifier) -> None:
        model = classifier.model
        self._features = keras.Model(model.inputs[0], logits_layer(model).input)
        mirrored = training.images[:, :, ::-1]
        self._seen = [self._both(images) for images in (training.images, mirrored)]
        pixels = _flat(others.images)
        new = np.maximum(*(correlation(pixels, seen) for seen, _ in self._seen)) <= SAME_PHOTOGRAPH
        found = self.distances(others.images[new])
        self.limits = Limits(
            *(float(np.percentile(v, PERCENTILE)) for v in (found.pixels, found.features))
        )

    def distances(self, images: np.ndarray) -> Distances:
        """Measure the distances of faces uint8 (N, H, W, C)."""
        pixels, features = self._both(images)
        return Distances(
            np.minimum(*(nearest(pixels, seen) for seen, _ in self._seen)),
            np.minimum(*(nearest(features, seen) for _, seen in self._seen)),
        )

    def _both(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pixels = _flat(images)
        features = self._features.predict(pixels.reshape(images.shape), batch_size=256, verbose=0)
        return pixels, features


def nearest(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """L2 distance of each row float32 (N, D) to the nearest of the others (M, D), float32 (N,)."""
    squares = (others**2).sum(axis=1)
    found = [
        (squares - 2 * part @ others.T).min(axis=1) + (part**2).sum(axis=1)
        for part in (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))
    ]
    return np.sqrt(np.maximum(np.concatenate(found), 0))


def correlation(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Largest Pearson correlation of each row float32 (N, D) with one of (M, D), float32 (N,)."""
    return 1 - nearest(_standardised(rows), _standardised(others)) ** 2 / 2


def _flat(images: np.ndarray) -> np.ndarray:
    """Pixels of uint8 images in [0, 1], float32 (N, D)."""
    return (images.astype(np.float32) / 255).reshape(len(images), -1)


def _standardised(rows: np.ndarray) -> np.ndarray:
    """Rows of mean 0 and length 1; a row without contrast becomes 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.maximum(lengths, np.finfo(np.float32).eps)


def reference(source: Source) -> Novelty:
    """Distances to the Training faces of FER2013, with limits from PublicTest and `vgg_small.fer`.

    Raises:
        InputError: the source lacks one of the two splits.
    """
    training = source.faces(Split.TRAINING, for_training=True)
    public = source.faces(Split.PUBLIC_TEST, for_training=True)
    if public.leaked is None:
        raise InputError("finding copies needs Training and PublicTest: give both splits.")
    return Novelty(
        training, public.take(~public.leaked), cast(KerasClassifier, load("vgg_small.fer"))
    )
