"""PGD confined to one part of the face, which the face mesh finds on each clean image.

Five attacks on the regions of `faces/regions.py` show which part of the face makes a model
vulnerable; regions differ in size, so quote their share of the pixels with the figures. Another
attack may only change the frame of a pair of glasses, by as much as eps allows (1 if printed).
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import ClassVar

import numpy as np

from attacks.pgd import PGD
from faces.glasses import glasses_masks
from faces.landmarks import FaceMesh, mean_shape
from faces.regions import Region, region_masks

_SMALLEST_SIDE = 16
"""Side of the smallest image for the face mesh; smaller ones get the mean shape."""


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
    title: ClassVar[str] = "PGD (eyes only)"
    words: ClassVar[str] = "PGD confined to the eyes"
    region: ClassVar[Region] = Region.EYES


class BrowsPGD(RegionalPGD):
    """Only the brows may change."""

    name: ClassVar[str] = "pgd_brows"
    title: ClassVar[str] = "PGD (brows only)"
    words: ClassVar[str] = "PGD confined to the brows"
    region: ClassVar[Region] = Region.BROWS


class NosePGD(RegionalPGD):
    """Only the nose may change."""

    name: ClassVar[str] = "pgd_nose"
    title: ClassVar[str] = "PGD (nose only)"
    words: ClassVar[str] = "PGD confined to the nose"
    region: ClassVar[Region] = Region.NOSE


class MouthPGD(RegionalPGD):
    """Only the mouth may change."""

    name: ClassVar[str] = "pgd_mouth"
    title: ClassVar[str] = "PGD (mouth only)"
    words: ClassVar[str] = "PGD confined to the mouth"
    region: ClassVar[Region] = Region.MOUTH


class RestPGD(RegionalPGD):
    """Everything but eyes, brows, nose and mouth may change."""

    name: ClassVar[str] = "pgd_rest"
    title: ClassVar[str] = "PGD (rest only)"
    words: ClassVar[str] = "PGD confined to everything except eyes, brows, nose and mouth"
    region: ClassVar[Region] = Region.REST


@dataclass(frozen=True, kw_only=True)
class GlassesPGD(PGD):
    """Only the frame of a pair of glasses may change; each face gets its own.

    So it is an upper bound on what one printed pair for everybody could do.

    Source: Sharif et al. 2016, "Accessorize to a crime: Real and stealthy attacks on
    state-of-the-art face recognition".
    """

    steps: int = 20

    name: ClassVar[str] = "pgd_glasses"
    title: ClassVar[str] = "PGD (glasses only)"
    words: ClassVar[str] = "PGD confined to the frame of a pair of glasses"

    def _allowed(self, images: np.ndarray) -> np.ndarray:
        return glasses_masks(_points(images), images.shape[1:3])[..., None]


REGIONAL: tuple[type[RegionalPGD], ...] = (EyesPGD, BrowsPGD, NosePGD, MouthPGD, RestPGD)


def region_maps(images: np.ndarray) -> np.ndarray:
    """Number of each pixel's region in `Region`, uint8 (N, H, W), of faces that fill their images.

    Args:
        images: float32 (N, H, W, C) in [0, 1].
    """
    return region_masks(_points(images), images.shape[1:3]).argmax(axis=1).astype(np.uint8)


def _points(images: np.ndarray) -> np.ndarray:
    """Landmarks of faces that fill their images, float32 (N, 468, 2)."""
    pixels = np.rint(255 * images).astype(np.uint8)
    return np.stack([_points_of(face.tobytes(), face.shape) for face in pixels])


@lru_cache(maxsize=8192)
def _points_of(pixels: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Landmarks of one face, cached, as one face is attacked many times."""
    if min(shape[:2]) < _SMALLEST_SIDE:
        return (mean_shape() * (shape[1], shape[0])).astype(np.float32)
    face = np.frombuffer(pixels, np.uint8).reshape(shape)
    return np.asarray(_mesh().locate_crops(face[None]).points[0])


@cache
def _mesh() -> FaceMesh:
    return FaceMesh()
