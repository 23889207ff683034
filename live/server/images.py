"""Decode untrusted images: size, type and pixel count are checked first."""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from datasets.base.errors import InputError
from faces.detector import MIN_SIDE
from faces.photos import upright_rgb

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
MOST_BYTES = 16 * 2**20
MOST_PIXELS = 25_000_000
FRAME_BYTES = 4 * 2**20

TOO_LARGE, WRONG_TYPE, DAMAGED = 413, 415, 400


class ImageError(ValueError):
    """An image is refused.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def decode(
    data: bytes, *, most_bytes: int = MOST_BYTES, most_pixels: int = MOST_PIXELS
) -> np.ndarray:
    """Decode an image, turned as its EXIF orientation says; of several pictures the first.

    Args:
        data: bytes of a JPEG, PNG, GIF or WebP file.
        most_bytes: largest size of the file.
        most_pixels: largest width times height.

    Returns:
        uint8 RGB (H, W, 3); transparent places are white.

    Raises:
        ImageError: too large, another type, or damaged.
    """
    if len(data) > most_bytes:
        raise ImageError(
            f"The file has {len(data) / 2**20:.1f} MB; at most {most_bytes // 2**20} are accepted. "
            "Make it smaller.",
            TOO_LARGE,
        )
    try:
        file = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_many("far too many", most_pixels) from None
    except UnidentifiedImageError:
        raise ImageError("This is not a JPEG, PNG, GIF or WebP image.", WRONG_TYPE) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise _damaged(error) from None
    with file:
        width, height = file.size
        if width * height > most_pixels:
            raise _too_many(f"{width}x{height}", most_pixels)
        if min(width, height) < MIN_SIDE:
            raise ImageError(f"{width}x{height} pixels are too few to show a face.", DAMAGED)
        try:
            return _pixels(file)
        except InputError as error:
            raise ImageError(str(error), WRONG_TYPE) from None
        except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
            raise _damaged(error) from None


def _pixels(file: Image.Image) -> np.ndarray:
    plain = file.mode == "RGB" and file.format == "JPEG" and "exif" not in file.info
    return np.array(file) if plain else upright_rgb(file)


def _too_many(size: str, most: int) -> ImageError:
    return ImageError(
        f"The picture has {size} pixels; at most {most // 10**6} million are read. Resize it.",
        TOO_LARGE,
    )


def _damaged(error: Exception) -> ImageError:
    kind = type(error).__name__
    return ImageError(f"The picture is damaged or cut short ({kind}). Save it again.", DAMAGED)
