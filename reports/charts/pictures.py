"""Pictures of faces: their difference, their Grad-CAM map, their regions in colour, as png."""

import base64
import io

import numpy as np
import seaborn as sns
from PIL import Image

from reports.charts.svg import ROLES

DIFFERENCE_GAIN = 10
_ENLARGED = 4
"""Side in pixels of one pixel of the mean face."""
_STRONGEST = 0.8
"""Share of red where every face is broken."""


def difference(clean: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    """Attacked minus clean, times ten around middle grey: float (H, W, C) in [0, 1].

    Args:
        clean: uint8 (H, W, C).
        attacked: float (H, W, C) in [0, 1].
    """
    return np.clip(0.5 + DIFFERENCE_GAIN * (attacked - clean / 255), 0, 1)


def look(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A face under its Grad-CAM map: grey, warm where the map is high; uint8 (H, W, 3).

    Args:
        image: uint8, or float in [0, 1]; (H, W, 1) or (H, W, 3).
        heat: uint8 (H, W).
    """
    grey = image.mean(axis=2, keepdims=True) / (255 if image.dtype == np.uint8 else 1)
    share = heat[..., None] / 255
    warm = sns.color_palette("rocket", as_cmap=True)(0.3 + 0.6 * heat / 255)[..., :3]
    return np.rint(255 * ((1 - 0.65 * share) * grey + 0.65 * share * warm)).astype(np.uint8)


def coloured(face: np.ndarray, region: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Colour the regions of a face: the redder, the more faces an attack there breaks.

    Args:
        face: uint8 (H, W, C).
        region: integer (H, W), number of each pixel's region.
        strength: float (R,) in [0, 1], of each region.

    Returns:
        uint8 (4 H, 4 W, 3).
    """
    red = np.array([int(ROLES["attacked"][0][i : i + 2], 16) for i in (1, 3, 5)])
    grey = np.repeat(face.mean(axis=2, keepdims=True), 3, axis=2)
    share = _STRONGEST * strength[region][..., None]
    mixed = (1 - share) * grey + share * np.minimum(red * (0.5 + 0.7 * grey / 255), 255)
    height, width = region.shape
    size = (_ENLARGED * width, _ENLARGED * height)
    picture = Image.fromarray(np.rint(mixed).astype(np.uint8))
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST))


def png_uri(image: np.ndarray) -> str:
    """A picture as a `data:` address of a png.

    Args:
        image: uint8, or float in [0, 1]; (H, W, 1) or (H, W, 3).
    """
    pixels = image if image.dtype == np.uint8 else np.rint(255 * image).astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    stream = io.BytesIO()
    picture.save(stream, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
