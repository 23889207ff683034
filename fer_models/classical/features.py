"""Hand-made features of 48x48 grey faces: HOG, HOG in sliding windows, landmarks.

Source of HOG: Dalal & Triggs 2005, "Histograms of oriented gradients for human detection".
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache

import cv2
import numpy as np

from faces.landmarks import FaceMesh
from faces.mesh_points import LEFT_EYE, RIGHT_EYE
from fer_models.classical.grey_faces import SIDE
from fer_models.classical.recipes import Features

ORIENTATIONS = 8
CELL = 8
WINDOW, STEP = 24, 6
"""Side and step of the sliding windows, pixels."""
REMEMBERED = 8192
"""Faces whose points are cached, 6 kB each: several models use the same ones."""

_CORES = os.cpu_count() or 1
_meshes = threading.local()


def extract(faces: np.ndarray, kinds: Sequence[Features]) -> list[np.ndarray]:
    """Features of each face.

    Args:
        faces: uint8 (N, 48, 48, 1).
        kinds: which features.

    Returns:
        Of each kind, float32 (N, D of the kind).
    """
    return [_EXTRACTORS[kind](faces) for kind in kinds]


def hog(faces: np.ndarray) -> np.ndarray:
    """HOG of the whole face: 5x5 blocks of 2x2 cells, float32 (N, 800)."""
    return _hog(faces, SIDE, 2 * CELL)


def sliding_hog(faces: np.ndarray) -> np.ndarray:
    """HOG of 5x5 windows of 24 pixels, 6 pixels apart, each cell by itself; float32 (N, 1800)."""
    return _hog(faces, WINDOW, CELL)


def landmarks(faces: np.ndarray) -> np.ndarray:
    """468 points without position, size and roll of the face, float32 (N, 936).

    A face that the mesh does not find has the mean shape. Every core places some of them.
    """
    points = list(_workers().map(_points, [face.tobytes() for face in faces]))
    return shape_of(np.array(points)).reshape(len(faces), -1)


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_CORES, thread_name_prefix="mesh")


@lru_cache(REMEMBERED)
def _points(pixels: bytes) -> np.ndarray:
    """Points (468, 2) of one face, given as its bytes, which a cache can look up."""
    if not hasattr(_meshes, "mesh"):  # a mesh is not safe for threads
        _meshes.mesh = FaceMesh()
    face = np.frombuffer(pixels, np.uint8).reshape(1, SIDE, SIDE, 1)
    points: np.ndarray = _meshes.mesh.locate_crops(face).points[0]
    return points


def shape_of(points: np.ndarray) -> np.ndarray:
    """Points (N, P, 2) moved to their mean, their mean distance from it 1, their eyes level."""
    centred = points - points.mean(axis=1, keepdims=True)
    size = np.linalg.norm(centred, axis=2).mean(axis=1)
    eyes = points[:, RIGHT_EYE].mean(axis=1) - points[:, LEFT_EYE].mean(axis=1)
    cos, sin = (eyes / np.linalg.norm(eyes, axis=1, keepdims=True)).T
    turn = np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)  # (x, y) @ turn levels the eyes
    return (centred @ turn / size[:, None, None]).astype(np.float32)


def _hog(faces: np.ndarray, window: int, block: int) -> np.ndarray:
    descriptor = cv2.HOGDescriptor(
        (window, window), (block, block), (CELL, CELL), (CELL, CELL), ORIENTATIONS
    )
    values = [np.ravel(descriptor.compute(face, winStride=(STEP, STEP))) for face in faces]
    width = descriptor.getDescriptorSize() * ((SIDE - window) // STEP + 1) ** 2
    return np.array(values, np.float32).reshape(len(faces), width)


_EXTRACTORS: dict[Features, Callable[[np.ndarray], np.ndarray]] = {
    Features.HOG: hog,
    Features.SLIDING_HOG: sliding_hog,
    Features.LANDMARKS: landmarks,
}
