"""Image files: which are read, orientation, transparency, and 8 bits per channel.

Not here: folders of labelled faces (`datasets/folders.py`) and photographs (`faces/photos.py`).
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from datasets.base.errors import InputError

IMAGE_ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".tga", ".pgm", ".ppm", ".jp2"),
)
"""Endings of the image files that are read, in lower case."""

GREY_MODES = ("1", "L", "LA")
"""Pillow modes of grey images with at most 8 bits per channel."""

_IGNORED_ENDINGS = (".txt", ".md", ".csv", ".json", ".yaml", ".yml", ".xml", ".html", ".log")
_IGNORED_NAMES = ("thumbs.db", "desktop.ini")
_SIXTEEN_BITS = ("I;16", "L;16", "LA;16", "RGB;16", "RGBA;16")
_DARKEST = 64
"""Largest 8-bit value below which a 16-bit file is taken to hold 14 bits or fewer."""

_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transpose that makes an image of each EXIF orientation upright."""

_ON_ITS_SIDE = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""

_SIZE_TAGS = (TiffImagePlugin.IMAGEWIDTH, TiffImagePlugin.IMAGELENGTH)
"""Tags of the width and height that a TIFF is stored with."""


def is_image(path: Path) -> bool:
    """Whether a file has the ending of an image that is read, and is not hidden."""
    return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")


def may_be_ignored(path: Path) -> bool:
    """Whether a file holds no image: hidden, a text or table, or a file manager's own."""
    name = path.name.lower()
    return name.startswith(".") or name in _IGNORED_NAMES or path.suffix.lower() in _IGNORED_ENDINGS


def count_endings(paths: Iterable[Path]) -> str:
    """List endings with their number of files, the most frequent first: `.heic: 10, .avif: 3`."""
    counts = Counter(path.suffix.lower() or "no ending" for path in paths)
    return ", ".join(f"{ending}: {count}" for ending, count in counts.most_common())


def decode_image(image: Image.Image) -> np.ndarray:
    """Decode an opened image: uint8 (H, W, 1) for grey files, (H, W, 3) for all others.

    EXIF orientation is applied and transparent pixels become white. 16 bits become 8.

    Raises:
        InputError: floats, more than 16 bits per channel, or a 16-bit file that holds fewer bits,
            which would come out almost black.
    """
    mode, sixteen_bits = image.mode, _has_sixteen_bits(image)
    if mode == "F":
        raise InputError("expected 8 or 16 bits per channel, found floats. Save it with 8 bits.")
    upright_image = upright(image)
    if mode.startswith("I"):
        values = np.asarray(upright_image, np.int64)
        if values.min(initial=0) < 0 or values.max(initial=0) > 0xFFFF:
            raise InputError("expected 8 or 16 bits per channel, found 32. Save it with 8 bits.")
        pixels = (values >> 8).astype(np.uint8)
    else:
        pixels = np.array(opaque(upright_image).convert("L" if mode in GREY_MODES else "RGB"))
    if sixteen_bits and pixels.max(initial=0) < _DARKEST:
        raise InputError(
            "expected pixels that use all 16 bits of the file, found less than a quarter of their "
            "range (a 12-bit image?). Save it with 8 bits."
        )
    return pixels[..., None] if pixels.ndim == 2 else pixels


def has_equal_channels(image: np.ndarray) -> bool:
    """Whether an image (H, W, 3) is grey: its three channels are equal everywhere."""
    return bool((image[..., :1] == image[..., 1:]).all())


def upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; damaged EXIF data is ignored."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        image.filename = ""  # of a named one, Pillow may map the pixels in rows of the turned width
    image.load()  # turns a TIFF, and drops its orientation
    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of an opened image once it is upright; no pixels are decoded."""
    width, height = image.size
    if _orientation(image) not in _ON_ITS_SIDE:
        return height, width
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # `size` may be that of the turned image
        width, height = (image.tag_v2[tag] for tag in _SIZE_TAGS)
    return width, height


def cut_square(image: np.ndarray, left: float, top: float, side: float) -> np.ndarray:
    """Cut a square out of an image (H, W) or (H, W, C) in whole pixels; edges repeat outside."""
    steps = np.arange(max(1, round(side)))
    rows = np.clip(steps + round(top), 0, image.shape[0] - 1)
    columns = np.clip(steps + round(left), 0, image.shape[1] - 1)
    return image[rows[:, None], columns]


def opaque(image: Image.Image) -> Image.Image:
    """Put an image with transparent pixels on white, as RGBA; return any other unchanged."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def _has_sixteen_bits(image: Image.Image) -> bool:
    """Whether the file stores 16 bits per channel; Pillow reads colour ones as 8."""
    tiles = getattr(image, "tile", [])  # empty once the pixels are loaded
    arguments = [tile[3] for tile in tiles]
    modes = [a[0] if isinstance(a, tuple) and a else a for a in arguments]
    return image.mode.startswith("I") or any(str(m).startswith(_SIXTEEN_BITS) for m in modes)


def _orientation(image: Image.Image) -> object:
    """Read the orientation alone: `ImageOps.exif_transpose` fails on any other damaged tag."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow raises errors of many kinds; the image can be read without EXIF
        return None
