"""A small net that places 68 points on a face: the landmark branch of `hybrid`, `emotional_dan`.

The face mesh of `faces/landmarks.py` is no part of a Keras graph, so gradients cannot reach the
image through it, and a net with the mesh inside would look robust only because attacks are blind
to that branch. This net learnt the mesh's answers (`python -m fer_models.train_landmarks`) and is
differentiable. Reads `fer_models/shipped/weights/landmarks.npz` and `landmarks.json`.
"""

import json
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers, ops

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from fer_models.cards import WEIGHTS
from fer_models.weights import load_weights

SIZE = 48
"""Height and width of its images; other sizes are resized."""

JAW = (127, 234, 132, 58, 172, 150, 149, 148, 152, 377, 378, 379, 397, 288, 361, 454, 356)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
MOUTH = (
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 81, 13, 311, 308, 402, 14, 178),
)
MESH_POINTS = (*JAW, *BROWS, *NOSE, *EYES, *MOUTH)
"""Points of the mesh where the 68 of Sagonas et al. 2016 ("300 faces in-the-wild challenge") lie.

Fewer would lose the lids and the lips; more add nothing at 48 pixels.
"""
MIRRORED = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
)
"""Index of each point in the mirrored face."""
REGIONS = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
"""Index of the points of each part of a face among the 68."""


class LandmarkFiles(NamedTuple):
    """Weights, and beside them a JSON with their sha256 and what was measured."""

    weights: Path
    facts: Path


SHIPPED = LandmarkFiles(WEIGHTS / "landmarks.npz", WEIGHTS / "landmarks.json")


def landmark_layers(
    images: keras.KerasTensor, *, trainable: bool = False
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Add the layers of the landmark net, named `landmark_...`, to a net.

    Their weights are random until `copy_backbone` with `pretrained_landmarks`, or the whole net's
    own weights, fill them.

    Args:
        images: (N, H, W, C) in [0, 1], C = 1 or 3.
        trainable: False freezes them.

    Returns:
        The points, float32 (N, 68, 2): x and y from the image's upper left corner, in sides of the
        image; and the 96 features they are read from.
    """
    if images.shape[-1] == 3:
        images = ops.image.rgb_to_grayscale(images)
    if tuple(images.shape[1:3]) != (SIZE, SIZE):
        images = ops.image.resize(images, (SIZE, SIZE))
    x = layers.Rescaling(4.0, offset=-2.0, name="landmark_rescaling")(images)
    for number, filters in enumerate((16, 32, 64, 64, 64), start=1):
        name = f"landmark_conv{number}"
        x = layers.Conv2D(
            filters, 3, padding="same", use_bias=False, trainable=trainable, name=name
        )(x)
        x = layers.BatchNormalization(trainable=trainable, name=f"{name}_bn")(x)
        x = layers.ReLU(name=f"{name}_relu")(x)
        if number in (1, 2, 4):
            x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    x = layers.Flatten(name="landmark_flatten")(x)
    x = layers.Dense(96, use_bias=False, trainable=trainable, name="landmark_dense")(x)
    x = layers.BatchNormalization(trainable=trainable, name="landmark_dense_bn")(x)
    features = layers.ReLU(name="landmark_features")(x)
    coordinates = layers.Dense(
        2 * len(MESH_POINTS), trainable=trainable, dtype="float32", name="landmark_coordinates"
    )(features)
    shape = (len(MESH_POINTS), 2)
    return layers.Reshape(shape, dtype="float32", name="landmark_points")(coordinates), features


def build_landmark_net() -> keras.Model:
    """The landmark net by itself: images float32 (N, 48, 48, 1) in [0, 1] to points, trainable."""
    images = keras.Input((SIZE, SIZE, 1), name="images")
    points, _ = landmark_layers(images, trainable=True)
    return keras.Model(images, points, name="landmark_net")


def move_points(points: np.ndarray, warps: np.ndarray, side: int) -> np.ndarray:
    """Move points as `warped_views` moved the pixels; mirrored faces change left for right.

    Args:
        points: float32 (N, 68, 2), in sides of a square image.
        warps: float64 (N, 2, 3), from the middles of pixels to the middles of pixels.
        side: side of the image, pixels.

    Returns:
        float32 (N, 68, 2).
    """
    linear, offset = warps[:, :, :2], warps[:, :, 2]
    middles = points * side - 0.5
    moved = np.einsum("nij,npj->npi", linear, middles) + offset[:, None]
    mirrored = np.linalg.det(linear) < 0
    moved[mirrored] = moved[mirrored][:, list(MIRRORED)]
    return ((moved + 0.5) / side).astype(np.float32)


def pretrained_landmarks(files: LandmarkFiles = SHIPPED) -> keras.Model:
    """The landmark net with the shipped weights, for `copy_backbone`.

    Raises:
        InputError: the weights are missing, damaged, or have another hash than in the JSON file.
    """
    try:
        expected = json.loads(files.facts.read_text())["sha256"]
        found = file_sha256(files.weights)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{files.weights}: expected the landmark net and {files.facts.name} beside it; "
            f"got {type(error).__name__}: {error}. Restore the files, or make them with "
            "`python -m fer_models.train_landmarks`."
        ) from error
    if found != expected:
        raise InputError(
            f"{files.weights}: expected sha256 {expected[:12]}..., found {found[:12]}... "
            "These are not the weights that were measured: restore the file."
        )
    net = build_landmark_net()
    load_weights(net, files.weights)
    return net
