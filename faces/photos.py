"""Read photographs from files as upright uint8 RGB. Clips and cameras: `faces/video.py`."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.base.errors import InputError
from datasets.base.special_files import refuse_special_file
from datasets.image_files import (
    IMAGE_ENDINGS,
    count_endings,
    decode_image,
    is_image,
    may_be_ignored,
)
from faces.detector import check_size


def photos(path: Path) -> list[Path]:
    """Return the photograph itself, or those of a folder, by name.

    Hidden files, texts and tables in the folder are ignored.

    Raises:
        InputError: no such path, a folder without photographs or with files that would be left out,
            a name that is not UTF-8 text, or a pipe.
    """
    if not path.exists():
        raise InputError(f"{path}: expected a photograph or a folder; found no such path.")
    found = [path]
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if not file.is_dir()]
        found = [file for file in files if is_image(file)]
        left = [file for file in files if file not in found and not may_be_ignored(file)]
        if left:
            raise InputError(
                f"{str(left[0])!a}: expected photographs ({', '.join(IMAGE_ENDINGS)}); {len(left)} "
                f"of the files ({count_endings(left)}) would be left out. Convert or move them."
            )
    for file in found:
        check_name(file)
        refuse_special_file(file, "a photograph")
    if not found:
        raise InputError(
            f"{path}: expected photographs ({', '.join(IMAGE_ENDINGS)}); found none. "
            "Name another folder, or a file."
        )
    return found


def refuse_own_folder(out: Path, photographs: Path) -> None:
    """Refuse to write pictures into the folder of the photographs, which a next call would read.

    Raises:
        InputError: `out` is that folder.
    """
    if out.resolve() == photographs.resolve():
        raise InputError(
            f"--out must not be the folder of the photographs; got {out}. Name another."
        )


def check_name(file: Path) -> None:
    """Refuse a name that tables and pages cannot hold.

    Raises:
        InputError: it is not UTF-8 text.
    """
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{str(file)!a}: names of photographs and clips must be UTF-8 text, which tables and "
            "pictures hold. Rename it."
        ) from None


def read_photo(path: Path) -> np.ndarray:
    """Read a photograph as uint8 RGB (H, W, 3), with its EXIF orientation applied.

    Transparent pixels become white; of several images in a file, the first is read.

    Raises:
        InputError: no such file, not an image, damaged, of another depth, or too small or too large
            for a detector.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as file:  # damaged EXIF
            check_size(*file.size)
            return upright_rgb(file)
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a photograph; found no such file.") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path}: expected a whole photograph; {type(error).__name__}. "
            "Save it again as JPEG or PNG."
        ) from error


def read_each(found: list[Path], in_folder: bool, use: Callable[[Path, np.ndarray], None]) -> int:
    """Read photographs one after another and call `use` with their paths and pixels.

    An error in reading or using a photograph ends the command with its name; in a folder it is
    printed, and the next photograph is read.

    Returns:
        Number of photographs of a folder with an error.
    """
    wrong = 0
    for photo in found:
        try:
            image = read_photo(photo)
            with _naming(photo):
                use(photo, image)
        except InputError as error:
            if not in_folder:
                raise
            print(error, file=sys.stderr)
            wrong += 1
    return wrong


@contextmanager
def _naming(photo: Path) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"{photo}: {error}") from error


def upright_rgb(file: Image.Image) -> np.ndarray:
    """Decode an opened image: uint8 RGB (H, W, 3); see `decode_image`, whose errors it raises."""
    pixels = decode_image(file)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
