"""Read and write images in folders by split and class: `train/happy/17.png`.

Class names may be those of FER or FER+, in upper or lower case. A folder with the class `contempt`
has FER+ labels: each image then counts as ten votes for its class.

EXIF orientation is applied, and transparent pixels become white. Where the three channels of all
images are equal, the images are grey: one channel.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from datasets.base.errors import InputError
from datasets.emotion_names import EMOTION_OF, emotion_of
from datasets.faceset import Split
from datasets.image_files import (
    count_endings,
    decode_image,
    has_equal_channels,
    is_image,
    may_be_ignored,
)
from datasets.labels import FER7, FERPLUS8, LabelScheme, translate
from datasets.votes import VOTE_COLUMNS

_SPLITS = {
    "train": Split.TRAINING,
    "training": Split.TRAINING,
    "publictest": Split.PUBLIC_TEST,
    "validation": Split.PUBLIC_TEST,
    "valid": Split.PUBLIC_TEST,
    "val": Split.PUBLIC_TEST,
    "privatetest": Split.PRIVATE_TEST,
    "test": Split.TEST,
    "sample": Split.SAMPLE,
}
_CONTEMPT = "contempt"
_MAX_PIXELS = 2**20
_UNANIMOUS = 10


class FolderFaces(NamedTuple):
    """Every image of a folder, in the order of the row ids.

    Attributes:
        images: uint8 (N, H, W, C), C = 1 (grey) or 3 (RGB).
        equal_channels: number of images with three equal channels that are read as one.
        row_ids: int64 (N,): file names if these are distinct numbers, else 0..N-1.
        numbered: whether the row ids are the file names.
        splits: str (N,), values of `Split`.
        fer: int64 (N,) FER labels, or None if the folder has `contempt`.
        votes: uint8 (N, 10) votes if the folder has `contempt`, else None.
    """

    images: np.ndarray
    equal_channels: int
    row_ids: np.ndarray
    numbered: bool
    splits: np.ndarray
    fer: np.ndarray | None
    votes: np.ndarray | None


class _File(NamedTuple):
    path: Path
    split: Split
    name: str


def split_folders(folder: Path) -> dict[Path, Split]:
    """Return the subfolders that are named after a split.

    Raises:
        InputError: two of them are named after the same split.
    """
    found: dict[Path, Split] = {}
    for path in sorted(folder.iterdir()):
        split = _SPLITS.get(path.name.lower())
        if split is None or not path.is_dir():
            continue
        if split in found.values():
            other = next(name for name, known in found.items() if known is split)
            raise InputError(
                f"{folder}: expected one folder per split, found {other.name} and {path.name}, "
                f"both of which mean {split}. Merge them or move one away."
            )
        found[path] = split
    return found


def has_class_folders(folder: Path) -> bool:
    """Whether a folder contains `<split>/<class>/`."""
    return any(
        entry.is_dir() and emotion_of(entry.name) is not None
        for path in split_folders(folder)
        for entry in path.iterdir()
    )


def read_folders(folder: Path, advance: Callable[[int, int], object]) -> FolderFaces:
    """Read all images below a folder.

    Args:
        folder: contains `<split>/<class>/NAME.png` (or `.jpg`, `.bmp`, ...).
        advance: called every 256 images with the images read and the total.

    Raises:
        InputError: an unknown class, an unreadable image, another size than the first, no images,
            or an image that would be left out.
    """
    files: list[_File] = []
    names: set[str] = set()
    for path, split in split_folders(folder).items():
        for class_folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
            name = _class_name(class_folder)
            names.add(name)
            files += [
                _File(image, split, name)
                for image in sorted(class_folder.iterdir())
                if is_image(image)
            ]
    _check_none_left(folder, {file.path for file in files})
    if not files:
        raise InputError(f"{folder}: expected <split>/<class>/*.png or *.jpg, found no image.")
    row_ids, numbered = _row_ids(files)
    order = np.argsort(row_ids, kind="stable")
    images, equal = _read_images([files[place].path for place in order], advance)
    splits = np.array([str(files[place].split) for place in order])
    found = [files[place].name for place in order]
    if _CONTEMPT not in names:
        fer = np.array([FER7.classes.index(name) for name in found], dtype=np.int64)
        return FolderFaces(images, equal, row_ids[order], numbered, splits, fer, None)
    votes = _unanimous_votes(found)
    return FolderFaces(images, equal, row_ids[order], numbered, splits, None, votes)


def write_folders(
    images: np.ndarray,
    labels: np.ndarray,
    scheme: LabelScheme,
    row_ids: np.ndarray,
    split: Split,
    out: Path,
) -> None:
    """Write `out/<split>/<class>/<row id>.png` with 8 bits per channel, for `read_folders`.

    Args:
        images: uint8 (N, H, W, C), C = 1 or 3.
        labels: int (N,) in [0, K).
        scheme: class names; every class gets a folder, even without images.
        row_ids: int (N,), unique.
        split: which split the images belong to.
        out: folder, created if it does not exist.
    """
    folders = [out / str(split) / name for name in scheme.classes]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for image, label, row in zip(images, labels, row_ids, strict=True):
        pixels = image[:, :, 0] if image.shape[2] == 1 else image
        Image.fromarray(pixels).save(folders[label] / f"{row}.png", compress_level=1)


def _class_name(folder: Path) -> str:
    name = emotion_of(folder.name)
    if name is None:
        known = ", ".join((*FER7.classes, _CONTEMPT))
        raise InputError(
            f"{folder}: expected a folder named after a class ({known}, or a common synonym), "
            f"found {folder.name!r}. Rename or remove it."
        )
    return name


def _check_none_left(folder: Path, taken: set[Path]) -> None:
    """Refuse files below a split or class that are not read and are not known to hold no image."""
    telling = {*_SPLITS, *EMOTION_OF}
    left = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        of_faces = telling.intersection(part.lower() for part in parts[:-1])
        if of_faces and not hidden and path not in taken and path.is_file():
            left += [] if may_be_ignored(path) else [path]
    if left:
        raise InputError(
            f"{left[0]}: expected images at <split>/<class>/NAME.png, .jpg or .bmp, the split one "
            f"of {', '.join(_SPLITS)}; {len(left)} of the files ({count_endings(left)}) would be "
            "left out. Move, convert or remove them."
        )


def _row_ids(files: list[_File]) -> tuple[np.ndarray, bool]:
    stems = [file.path.stem for file in files]
    if all(stem.isascii() and stem.isdigit() and len(stem) < 19 for stem in stems):
        numbers = np.array([int(stem) for stem in stems], dtype=np.int64)
        if len(np.unique(numbers)) == len(numbers):
            return numbers, True
    return np.arange(len(files), dtype=np.int64), False


def _read_images(
    paths: Sequence[Path], advance: Callable[[int, int], object]
) -> tuple[np.ndarray, int]:
    """Read images of one size; one channel where all are grey.

    Returns:
        uint8 (N, H, W, C), and the number of images with three equal channels that are read as one.
    """
    images: np.ndarray | None = None
    repeated = np.zeros(len(paths), dtype=bool)
    for row, path in enumerate(paths):
        image = _read_image(path)
        if image.shape[2] == 3 and has_equal_channels(image):
            image, repeated[row] = image[..., :1], True
        if images is None:
            images = _room_for(len(paths), image.shape)
        if image.shape[2] > images.shape[3] and repeated[:row].all():
            images = images.repeat(3, axis=3)  # the first image in colour
        elif image.shape[2] < images.shape[3] and repeated[row]:
            image = image.repeat(3, axis=2)
        if image.shape != images.shape[1:]:
            raise InputError(
                f"{path}: expected all images to be {_size(images.shape[1:])} as {paths[0]} is, "
                f"found {_size(image.shape)}. Crop, resize or convert them first."
            )
        images[row] = image
        if row % 256 == 0:
            advance(row, len(paths))
    assert images is not None
    return images, int(repeated.sum()) if images.shape[3] == 1 else 0


def _read_image(path: Path) -> np.ndarray:
    """Return uint8 (H, W, 1) for grey files, (H, W, 3) for all others."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:  # damaged EXIF
            if image.width * image.height > _MAX_PIXELS:
                raise InputError(
                    f"expected a face of at most {_MAX_PIXELS // 10**6} million pixels, found "
                    f"{image.height}x{image.width}. Crop and shrink the faces."
                )
            if image.mode.startswith(("I", "F")):
                raise InputError(
                    f"expected 8 bits per channel, found a deeper image ({image.mode}). Convert it."
                )
            return decode_image(image)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: expected a readable PNG or JPEG, found: {error}.") from error


def _room_for(count: int, shape: tuple[int, ...]) -> np.ndarray:
    try:
        return np.empty((count, *shape), dtype=np.uint8)
    except MemoryError as error:
        raise InputError(
            f"expected faces that fit into memory, found {count:,} of {_size(shape)}. "
            "Crop and shrink them, to 48x48 for example."
        ) from error


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]} {'grey' if shape[2] == 1 else 'RGB'}"


def _unanimous_votes(names: list[str]) -> np.ndarray:
    known = dict(zip(FER7.classes, range(FER7.num_classes), strict=True))
    fer = np.array([known.get(name, -1) for name in names], dtype=np.int64)
    column = translate(fer, FER7, FERPLUS8)
    column[[name == _CONTEMPT for name in names]] = FERPLUS8.classes.index(_CONTEMPT)
    votes = np.zeros((len(names), len(VOTE_COLUMNS)), dtype=np.uint8)
    votes[np.arange(len(names)), column] = _UNANIMOUS
    return votes
