"""Photographs from files: upright, uint8 RGB. Clips and cameras: `faces/video.py`."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from datasets.errors import InputError

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def photos(path: Path) -> list[Path]:
    """The photograph itself, or those of a folder, by name; its subfolders are left aside.

    Raises:
        InputError: no such path, or a folder without photographs.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"{path}: expected a photograph or a folder; found no such path.")
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in PHOTO_ENDINGS)
    if not found:
        raise InputError(
            f"{path}: expected photographs ({', '.join(PHOTO_ENDINGS)}); found none. "
            "Name another folder, or a file."
        )
    return found


def read_photo(path: Path) -> np.ndarray:
    """A photograph as uint8 RGB (H, W, 3), turned as its EXIF orientation says.

    Transparent places become white; of several pictures in a file the first is read.

    Raises:
        InputError: no such file, no picture, or damaged.
    """
    try:
        with Image.open(path) as file:
            upright = ImageOps.exif_transpose(file)
            if upright.mode.startswith("I"):  # 16 bits a pixel
                grey = (np.asarray(upright, np.uint32) >> 8).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            layer = upright.convert("RGBA")
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a photograph; found no such file.") from error
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path}: expected a whole photograph; {type(error).__name__}. "
            "Save it again as JPEG or PNG."
        ) from error
    white = Image.new("RGBA", layer.size, "white")
    return np.asarray(Image.alpha_composite(white, layer).convert("RGB"))
