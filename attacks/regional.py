"""PGD confined to one part of the face: which part carries the vulnerability.

The parts are those of `faces/regions.py`, found by the face mesh on each clean image; they
partition it. Robust accuracies of parts of different size are told with the share of the pixels.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import ClassVar

import numpy as np

from attacks.pgd import PGD
from faces.landmarks import FaceMesh, mean_shape
from faces.regions import Region, region_masks

_SMALLEST_SIDE = 16
"""Of an image the face mesh looks at; smaller ones have the mean shape."""


@dataclass(frozen=True, kw_only=True)
class RegionalPGD(PGD):
    """PGD whose perturbation is zero outside one region."""

    steps: int = 20

    region: ClassVar[Region]

    def _allowed(self, images: np.ndarray) -> np.ndarray:
        return region_maps(images)[..., None] == list(Region).index(self.region)


class EyesPGD(RegionalPGD):
    """Only the eyes may change."""

    name: ClassVar[str] = "pgd_eyes"
    region: ClassVar[Region] = Region.EYES


class BrowsPGD(RegionalPGD):
    """Only the brows may change."""

    name: ClassVar[str] = "pgd_brows"
    region: ClassVar[Region] = Region.BROWS


class NosePGD(RegionalPGD):
    """Only the nose may change."""

    name: ClassVar[str] = "pgd_nose"
    region: ClassVar[Region] = Region.NOSE


class MouthPGD(RegionalPGD):
    """Only the mouth may change."""

    name: ClassVar[str] = "pgd_mouth"
    region: ClassVar[Region] = Region.MOUTH


class RestPGD(RegionalPGD):
    """Everything but eyes, brows, nose and mouth may change."""

    name: ClassVar[str] = "pgd_rest"
    region: ClassVar[Region] = Region.REST


REGIONAL: tuple[type[RegionalPGD], ...] = (EyesPGD, BrowsPGD, NosePGD, MouthPGD, RestPGD)


def region_maps(images: np.ndarray) -> np.ndarray:
    """Number of each pixel's region in `Region`, uint8 (N, H, W), of faces that fill their images.

    Args:
        images: float32 (N, H, W, C) in [0, 1].
    """
    pixels = np.rint(255 * images).astype(np.uint8)
    return np.stack([_region_map(face.tobytes(), face.shape) for face in pixels])


@lru_cache(maxsize=8192)
def _region_map(pixels: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Cached, for a face is attacked at many eps, in five regions and on many models."""
    face = np.frombuffer(pixels, np.uint8).reshape(shape)
    if min(shape[:2]) < _SMALLEST_SIDE:
        points = (mean_shape() * (shape[1], shape[0]))[None]
    else:
        points = _mesh().locate_crops(face[None]).points
    return region_masks(points, shape[:2])[0].argmax(axis=0).astype(np.uint8)


@cache
def _mesh() -> FaceMesh:
    return FaceMesh()
