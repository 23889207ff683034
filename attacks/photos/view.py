"""Attack faces inside a photograph, through crop, greyscale and resizing, for frames that shift.

A detector frames the attacked face a little differently than the clean one, and files hold 8 bits;
so a square of the photograph is attacked, not the small face, and a face counts as broken when the
mean of the logits over several displaced frames is wrong (expectation over transformation, Athalye
et al. 2018, arXiv 1707.07397).
"""

from typing import NamedTuple

import cv2
import keras
import numpy as np
from keras import ops

from attacks.base import Attack, Keys
from attacks.threat_model import TOLERANCE, Norm
from faces.box import Box
from fer_models.classifier import DifferentiableClassifier
from fer_models.keras_wrapper import (
    DifferentiableKerasWrapper,
    KerasWrapper,
    SymbolicKerasWrapper,
    with_gradients,
)

LEAD = 1.0
"""Required lead of the wrong class, in logits, so that the attack survives JPEG and resizing."""
WOBBLE = 0.04
"""Largest shift of a frame, and largest change of its size, as a share of its side."""
_GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in OpenCV's grey (ITU-R BT.601)."""


class View(NamedTuple):
    """A displaced frame: shifts right and down as shares of its side, and its relative size."""

    right: float = 0.0
    down: float = 0.0
    scale: float = 1.0


VIEWS = (
    View(),
    *(View(right=sign * WOBBLE) for sign in (-1, 1)),
    *(View(down=sign * WOBBLE) for sign in (-1, 1)),
    *(View(scale=1 + sign * WOBBLE) for sign in (-1, 1)),
)


class PhotoView(KerasWrapper):
    """A classifier of small grey faces, presented as a classifier of squares of a photograph.

    Logits are the mean over the views. A resize to its `face_side` is linear in the pixels, so each
    view is two matrices, made by resizing the identity as `faces/crop.py` resizes faces.

    Args:
        classifier: a classifier of grey faces.
        side: side of the squares, pixels.
        margin: pixels of a square outside the plain frame, on each side.
        handicap: float32 (K,), added to the logits; see `LEAD`.
        views: frames whose logits are averaged.
    """

    def __init__(
        self,
        classifier: DifferentiableClassifier,
        side: int,
        margin: int,
        handicap: np.ndarray,
        views: tuple[View, ...] = VIEWS,
    ) -> None:
        super().__init__(classifier)
        self._handicap = handicap.astype(np.float32)
        frame, size = side - 2 * margin, self.face_side
        self._rows, self._columns = (
            np.stack([_resizing(size, side, margin, frame, *place) for place in places])
            for places in (
                [(view.down, view.scale) for view in views],
                [(view.right, view.scale) for view in views],
            )
        )

    def change_images(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Small grey faces (N * V, h, h, 1), all V views of a square one after the other."""
        grey = ops.sum(images * np.array(_GREY, np.float32), axis=-1)
        faces = ops.einsum("vis,nst,vjt->nvij", self._rows, grey, self._columns)
        return ops.reshape(ops.clip(faces, 0.0, 1.0), (-1, self.face_side, self.face_side, 1))

    def change_logits(self, logits: keras.KerasTensor) -> keras.KerasTensor:
        """Mean (N, K) over the views of logits (N * V, K), handicap added."""
        each = ops.reshape(logits, (-1, len(self._rows), self.scheme.num_classes))
        return ops.mean(each, axis=1) + self._handicap


class DifferentiablePhotoView(PhotoView, DifferentiableKerasWrapper):
    """The view of a classifier with gradients."""


class SymbolicPhotoView(PhotoView, SymbolicKerasWrapper):
    """The view of a Keras model."""


def photo_view(
    classifier: DifferentiableClassifier, side: int, margin: int, handicap: np.ndarray
) -> PhotoView:
    """Make a view with gradients; see `PhotoView`."""
    kinds = PhotoView, DifferentiablePhotoView, SymbolicPhotoView
    view: PhotoView = with_gradients(classifier, *kinds)(classifier, side, margin, handicap)
    return view


def _resizing(
    size: int, side: int, margin: int, frame: int, shift: float, scale: float
) -> np.ndarray:
    """Weights of the square's pixels in each small pixel along one axis, float32 (size, side)."""
    length = max(1, round(frame * scale))
    start = round(margin + (shift - (scale - 1) / 2) * frame)
    method = cv2.INTER_AREA if length >= size else cv2.INTER_LINEAR
    small = cv2.resize(np.eye(length, dtype=np.float32), (length, size), interpolation=method)
    weights = np.zeros((size, side), np.float32)
    places = np.clip(np.arange(length) + start, 0, side - 1)  # edges repeated outside
    np.add.at(weights.T, places, small.T)
    return weights


def attack_frame(
    classifier: DifferentiableClassifier,
    image: np.ndarray,
    frame: Box,
    label: int,
    attack: Attack,
    keys: Keys,
) -> np.ndarray:
    """Attack one face in place, in its photograph.

    Args:
        classifier: a classifier of grey faces.
        image: uint8 RGB (H, W, 3).
        frame: FER2013-like square of the face, from `Detector.frame`.
        label: class to move away from.
        attack: any that takes squares of a photograph; eps applies to the photograph's pixels.
        keys: one row.

    Returns:
        uint8 RGB (H, W, 3): the photograph, changed inside the frame and its margin.
    """
    side = max(1, round(frame.width))
    margin = int(np.ceil(2 * WOBBLE * side))
    whole = side + 2 * margin
    padded = np.pad(image, ((whole, whole), (whole, whole), (0, 0)), mode="edge")
    top, left = round(frame.y) - margin + whole, round(frame.x) - margin + whole
    square = padded[top : top + whole, left : left + whole]
    handicap = LEAD * np.eye(classifier.scheme.num_classes)[label]
    view = photo_view(classifier, whole, margin, handicap)
    clean = square[None].astype(np.float32) / np.float32(255)
    found = attack(view, clean, np.array([label]), keys).images[0]
    padded[top : top + whole, left : left + whole] = np.rint(255 * found).astype(np.uint8)
    return np.ascontiguousarray(padded[whole:-whole, whole:-whole])


def whole_levels(eps: float) -> int:
    """Most levels of 0 to 255 that a pixel of a file may change within a linf radius."""
    return int(255 * eps * (1 + TOLERANCE))


def attack_faces(
    classifier: DifferentiableClassifier,
    image: np.ndarray,
    frames: list[Box],
    labels: np.ndarray,
    attack: Attack,
    seed: int = 0,
) -> np.ndarray:
    """Attack every face of a photograph, the smallest first.

    Frames may overlap and files hold whole levels, so at the end under linf every pixel is clipped
    to eps around its clean value, in whole levels. Under l2 and l1 eps holds for each face before
    rounding.

    Args:
        classifier: a classifier of grey faces.
        image: uint8 RGB (H, W, 3).
        frames: squares of the faces.
        labels: int64 (N,), the class to move away from, per face.
        attack: see `attack_frame`.
        seed: random seed.

    Returns:
        uint8 RGB (H, W, 3).
    """
    attacked = image
    for number in sorted(range(len(frames)), key=lambda i: frames[i].area):
        frame, label, keys = frames[number], int(labels[number]), Keys(seed, np.array([number]))
        attacked = attack_frame(classifier, attacked, frame, label, attack, keys)
    if attack.norm is not Norm.LINF:
        return attacked
    levels = whole_levels(attack.eps)
    moved = np.clip(attacked.astype(np.int16) - image, -levels, levels)
    return (image + moved).astype(np.uint8)
