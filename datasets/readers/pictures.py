"""Read the images of a listing into one array: faces cut out, one size, grey or colour.

Images keep their pixels where they have the size already; any other is scaled to cover the size
(bilinear with antialias, as PIL does) and its middle is taken. One channel where all are grey.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from datasets.base.counted import counted
from datasets.base.errors import InputError
from datasets.base.special_files import refuse_special_file
from datasets.image_files import cut_square, decode_image, has_equal_channels, upright_size
from datasets.readers.listing import Frame, Listed

_MAX_PIXELS = 2**20
_MOST_PIXELS = 40_000_000
"""Limits of a stored face, and of an image that is made smaller."""
_SCATTERED = 0.1
"""Where no size has this share of the images, sizes count as scattered."""

Size = tuple[int, int]
FindFace = Callable[[np.ndarray], Frame | None]
"""From an image, uint8 RGB (H, W, 3), to the square of its largest face; None if it has none."""


class Pictures(NamedTuple):
    """The images of a listing, in its order.

    Attributes:
        images: uint8 (N, H, W, C), C = 1 (grey) or 3 (RGB).
        kept: bool (M,), which of the listed images these are.
        notes: what was done to them, one sentence each.
    """

    images: np.ndarray
    kept: np.ndarray
    notes: tuple[str, ...]


def read_pictures(
    faces: Sequence[Listed],
    side: int | None,
    find_face: FindFace | None,
    advance: Callable[[int, int], object],
) -> Pictures:
    """Read all images.

    Args:
        faces: M listed faces, at least one.
        side: height and width of the result; None: the most frequent size, or the median side where
            sizes are scattered.
        find_face: cuts faces out; images without a face are left out.
        advance: called every 256 images with the images read and the total.

    Raises:
        InputError: names the first unreadable or too large image, or pipe, or no face was found.
    """
    for face in faces:
        refuse_special_file(face.path, "a PNG, JPEG or other image")
    frames: list[Frame | None] = [face.frame for face in faces]
    kept = np.ones(len(faces), bool)
    if find_face is not None:
        frames = _found(faces, find_face, lambda done: advance(done, 2 * len(faces)))
        kept = np.array([frame is not None for frame in frames])
    rows = np.flatnonzero(kept).tolist()
    before = len(faces) if find_face else 0
    sizes = [_size(faces[row], frames[row]) for row in rows]
    size = (side, side) if side else _common(sizes)
    images = _room_for(len(rows), size)
    colour, repeated = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    several: list[int] = []
    for place, row in enumerate(rows):
        shrinks = side is not None or sizes[place] != size or frames[row] is not None
        limit = _MOST_PIXELS if shrinks else _MAX_PIXELS
        pixels = _decoded(faces[row], limit, partial(several.append, row))
        if pixels.shape[2] == 3 and has_equal_channels(pixels):
            pixels, repeated[place] = pixels[..., :1], True
        pixels = _fit(_cut(pixels, frames[row]), size)
        colour[place] = pixels.shape[2] == 3
        if colour[place] and images.shape[3] == 1:
            images = images.repeat(3, axis=3)  # the first image in colour
        images[place] = pixels  # a grey one has three equal channels among coloured ones
        if place % 256 == 0:
            advance(before + place, before + len(rows))
    notes = (
        *_cut_notes(frames, kept, find_face is not None),
        *_size_notes(sizes, size, side),
        *_colour_notes(colour, repeated),
        *_several_notes(len(several)),
    )
    return Pictures(images, kept, notes)


def _found(
    faces: Sequence[Listed], find_face: FindFace, advance: Callable[[int], object]
) -> list[Frame | None]:
    """The square of the largest face of each image.

    Raises:
        InputError: no image has one.
    """
    frames: list[Frame | None] = []
    for row, face in enumerate(faces):
        pixels = _decoded(face, _MOST_PIXELS)
        in_colour = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
        frames.append(find_face(in_colour))
        if row % 256 == 0:
            advance(row)
    if not any(frames):
        raise InputError(
            f"{faces[0].path}: expected faces to cut out, found none in {len(faces):,} images. "
            "Leave out --crop where faces fill the images."
        )
    return frames


def _decoded(
    face: Listed, limit: int, on_several: Callable[[], object] = lambda: None
) -> np.ndarray:
    """Decode an image: uint8 (H, W, 1) for grey files, (H, W, 3) for all others.

    Of an animated file the first image is read, and `on_several` is called.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(face.path) as image:
            if image.width * image.height > limit:
                raise InputError(
                    f"expected a face of at most {limit // 10**6} million pixels, found "
                    f"{image.height}x{image.width}. Give --size, or crop and shrink the faces."
                )
            if image.mode.startswith(("I", "F")):
                raise InputError(
                    f"expected 8 bits per channel, found a deeper image ({image.mode}). Convert it."
                )
            if getattr(image, "is_animated", False):
                on_several()
            return decode_image(image)
    except InputError as error:
        raise InputError(f"{face.place}: {error}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(face, error) from error


def _size(face: Listed, frame: Frame | None) -> Size:
    """Height and width of a face, from the head of its file where it is not cut out."""
    if frame is not None:
        return (max(1, round(frame.side)),) * 2
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(face.path) as image:
            return upright_size(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(face, error) from error


def _unreadable(face: Listed, error: Exception) -> InputError:
    return InputError(
        f"{face.place}: expected a readable PNG or JPEG, found: {str(error).rstrip('.')}. Replace "
        "or remove it."
    )


def _common(sizes: Sequence[Size]) -> Size:
    """The most frequent size, the smaller of two; the median side where sizes are scattered."""
    counts = Counter(sizes)
    size = max(counts, key=lambda each: (counts[each], -each[0] * each[1], each))
    if counts[size] >= _SCATTERED * len(sizes):
        return size
    return (round(float(np.median([min(each) for each in sizes]))),) * 2


def _cut(pixels: np.ndarray, frame: Frame | None) -> np.ndarray:
    return pixels if frame is None else cut_square(pixels, frame.left, frame.top, frame.side)


def _fit(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Scale an image (H, W, C) to cover a size and take the middle."""
    if pixels.shape[:2] == size:
        return pixels
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    fitted = np.asarray(ImageOps.fit(image, size[::-1], Image.Resampling.BILINEAR))
    return fitted[..., None] if fitted.ndim == 2 else fitted


def _room_for(count: int, size: Size) -> np.ndarray:
    try:
        return np.empty((count, *size, 1), dtype=np.uint8)
    except MemoryError as error:
        raise InputError(
            f"expected faces that fit into memory, found {count:,} of {_words(size)}. "
            "Make them smaller: --size 100 for example."
        ) from error


def _cut_notes(frames: Sequence[Frame | None], kept: np.ndarray, searched: bool) -> list[str]:
    cut, missed = sum(frame is not None for frame in frames), int((~kept).sum())
    if not cut:
        return []
    if not searched:
        return [f"{cut:,} faces cut out at the boxes of the list"]
    return [f"{cut:,} faces cut out by the detector, {missed:,} images without a face left out"]


def _size_notes(sizes: Sequence[Size], size: Size, side: int | None) -> list[str]:
    counts = Counter(sizes)
    moved = len(sizes) - counts[size]
    if not moved:
        return []
    why = "by --size" if side else ("the most frequent" if counts[size] else "the median side")
    return [
        f"{moved:,} of {len(sizes):,} images brought to {_words(size)} ({why}), from "
        f"{_words(min(counts))} to {_words(max(counts))}"
    ]


def _colour_notes(colour: np.ndarray, repeated: np.ndarray) -> list[str]:
    if not colour.any():
        equal = int(repeated.sum())
        return [f"{equal:,} images with three equal channels, read as one"] if equal else []
    grey = int((~colour & ~repeated).sum())
    return [f"{grey:,} grey images among {len(colour):,} given three channels"] if grey else []


def _several_notes(count: int) -> list[str]:
    return [f"{counted(count, 'file')} of several images, of which the first is read"] * bool(count)


def _words(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
