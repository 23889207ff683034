"""Find the faces of one frame: boxes, crops for the classifiers, landmarks and their measures.

Every frame is searched completely and by itself, so its faces and their probabilities are those of
`fer_models.predict` with the same detector. Not here: tracks (`live/video/follow.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.base.errors import InputError
from faces.box import Box
from faces.crop import crop_faces
from faces.detectors import make_detector
from faces.eyes import eye_aspect_ratio
from faces.landmarks import FaceMesh
from faces.openings import Openings, openings
from faces.video import Frame
from live.pipeline import find_faces

SEARCH_SIDE = 1920
"""Longer side of a frame when searched for faces; larger frames are shrunk for it."""
BOX_DECIMALS, MEASURE_DECIMALS, SECONDS_DECIMALS = 2, 4, 6
"""What is recorded is rounded at once, so that a resumed reading knows what the first one knew."""
Upright = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Measures(NamedTuple):
    """Landmarks' measures of one face, rounded: see `faces.openings` and `faces.eyes`."""

    mouth_open: float
    mouth_wide: float
    left_eye_open: float
    right_eye_open: float
    left_brow_raised: float
    right_brow_raised: float
    eye_aspect_ratio: float


@dataclass(frozen=True, eq=False)
class FoundFace:
    """One face of a frame.

    Attributes:
        box: where the detector found it, rounded as it is recorded.
        square: FER2013-like square that was cropped.
        crops: uint8 (side, side, 1) by side.
        measures: None where the face mesh finds no face.
        upright: uint8 RGB picture of the face for a comparison with people; None if nobody asks.
    """

    box: Box
    square: Box
    crops: dict[int, np.ndarray]
    measures: Measures | None
    upright: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class FoundFrame:
    """A frame without its pixels: number, time, and faces, the largest first."""

    index: int
    seconds: float
    faces: tuple[FoundFace, ...]


def searched_smaller(sizes: Iterable[tuple[int, int]]) -> list[str]:
    """A sentence for each size (width, height) of frames that are shrunk for the search."""
    return [
        f"Frames of {width}x{height} are searched for faces at {SEARCH_SIDE} pixels."
        for width, height in sizes
        if max(width, height) > SEARCH_SIDE
    ]


class FaceFinder:
    """Searches frames. Not thread-safe.

    Attributes:
        sides: sides of the crops, in pixels.
    """

    def __init__(
        self, detector: str, min_size: int, sides: tuple[int, ...], upright: Upright | None = None
    ) -> None:
        """Make detector and mesh.

        Args:
            detector: a name of `faces.detectors`.
            min_size: shorter side of the smallest face, in pixels of the frame that is searched.
            sides: sides of the crops that the classifiers want, in pixels.
            upright: crops a face from an image by its landmarks, for a comparison with people.

        Raises:
            InputError: unknown detector, or its extra is not installed.
        """
        self._detector = make_detector(detector, min_size=min_size)
        self._mesh = FaceMesh()
        self._upright = upright
        self.sides = tuple(dict.fromkeys(sides))

    def find(self, frame: Frame) -> FoundFrame:
        """Search a frame.

        Raises:
            InputError: smaller than 16x16 or larger than 40 million pixels.
        """
        seconds = round(frame.seconds, SECONDS_DECIMALS)
        boxes = find_faces(frame.image, self._detector, SEARCH_SIDE)
        if not boxes:
            return FoundFrame(frame.index, seconds, ())
        squares = [self._detector.frame(box) for box in boxes]
        crops = {side: crop_faces(frame.image, squares, side) for side in self.sides}
        marks = self._mesh.locate(frame.image, squares)
        measures = _measures(openings(marks.points), eye_aspect_ratio(marks.points))
        faces = tuple(
            FoundFace(
                _rounded(box),
                squares[i],
                {side: crops[side][i] for side in self.sides},
                measures[i] if marks.found[i] else None,
                self._upright(frame.image, marks.points[i])
                if self._upright and marks.found[i]
                else None,
            )
            for i, box in enumerate(boxes)
        )
        return FoundFrame(frame.index, seconds, faces)


def found_frames(
    finder: FaceFinder, path: Path, frames: Iterable[Frame], notes: list[str]
) -> Iterator[FoundFrame]:
    """Search frames; one that cannot be searched ends the clip, unless it is the first.

    Args:
        finder: searches them.
        path: of their clip.
        frames: in order.
        notes: receives a sentence where a frame ends the clip.

    Raises:
        InputError: the first is too small or too large.
    """
    for frame in frames:
        try:
            yield finder.find(frame)
        except InputError as error:
            if frame.index == 0:
                raise InputError(f"{path}: {error}") from error
            notes.append(f"Reading ended at {frame.seconds:.1f} s: {error}")
            return


def _measures(found: Openings, ratios: np.ndarray) -> list[Measures]:
    rows = np.stack([*found, ratios], axis=-1).round(MEASURE_DECIMALS)
    return [Measures(*row) for row in rows.tolist()]


def _rounded(box: Box) -> Box:
    x, y, width, height = (
        round(value, BOX_DECIMALS) for value in (box.x, box.y, box.width, box.height)
    )
    return Box(x, y, width, height, box.score)
