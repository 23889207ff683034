"""The faces of a clip, each with its crops over time: for whoever classifies them himself.

Crops lie in a temporary file, so memory does not grow with them. Not here: rows of a clip
(`live/video/read_clip.py`), which keep no pixels.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import numpy as np

from live.video.clip import Clip
from live.video.find import FaceFinder, found_frames, searched_smaller
from live.video.follow import Follower


class StoredCrops:
    """Crops of one face and size, on disk until they are asked for; a slice reads some of them."""

    def __init__(self, every: np.ndarray, rows: np.ndarray) -> None:
        """Take the crops of all faces, uint8 (N, side, side, 1) on disk, and the face's rows."""
        self._every, self._rows = every, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, frames: slice) -> np.ndarray:
        """Crops of some of the face's frames, uint8 (T, side, side, 1)."""
        return np.asarray(self._every[self._rows[frames]])


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One face over time; frames in which it was not found are missing.

    Attributes:
        number: number of the track, from 1.
        frames: int64 (T,), numbers of its frames.
        seconds: float64 (T,), their times.
        crops: of each of its frames, by side in pixels.
    """

    number: int
    frames: np.ndarray
    seconds: np.ndarray
    crops: dict[int, StoredCrops]


class FoundTracks(NamedTuple):
    """Faces of a clip, and what was wrong with it as far as it was read, a sentence each."""

    tracks: list[FaceTrack]
    notes: list[str]


class _Sight(NamedTuple):
    """A face in a frame, and its row among all crops."""

    frame: int
    seconds: float
    row: int


def face_tracks(
    clip: Clip,
    finder: FaceFinder,
    most_seconds: float,
    progress: Callable[[int, int], object],
    scratch: Path | None = None,
) -> FoundTracks:
    """Read the faces of a clip.

    A frame that cannot be searched ends the clip, unless it is the first.

    Args:
        clip: an opened clip.
        finder: searches its frames.
        most_seconds: where to stop.
        progress: called with the numbers of frames that are done and expected.
        scratch: folder of the temporary files; None: the system's.

    Raises:
        InputError: there is no frame, or the first is too small or too large.
    """
    follower, notes, rows = Follower(), list[str](), 0
    sights: dict[int, list[_Sight]] = {}
    with ExitStack() as opened:
        files = {s: opened.enter_context(TemporaryFile(dir=scratch)) for s in finder.sides}
        frames = takewhile(lambda frame: frame.seconds < most_seconds, clip.frames())
        for found in found_frames(finder, clip.path, frames, notes):
            boxes = [face.box for face in found.faces]
            followed = follower.update(boxes, [None] * len(boxes), found.seconds)
            for face, (track, *_) in zip(found.faces, followed):
                for side, file in files.items():
                    file.write(face.crops[side].tobytes())
                sights.setdefault(track, []).append(_Sight(found.index, found.seconds, rows))
                rows += 1
            progress(found.index + 1, max(found.index + 1, clip.expected))
        every = {side: _mapped(file, side, rows) for side, file in files.items()}
    notes = [*clip.notes, *notes, *searched_smaller(clip.sizes)]
    return FoundTracks([_track(number, seen, every) for number, seen in sights.items()], notes)


def _mapped(file: Any, side: int, count: int) -> np.ndarray:
    """The crops in a temporary file; it goes once it is closed and nothing refers to them."""
    file.flush()
    shape = (count, side, side, 1)
    return np.memmap(file, np.uint8, "r", shape=shape) if count else np.empty(shape, np.uint8)


def _track(number: int, seen: Sequence[_Sight], every: dict[int, np.ndarray]) -> FaceTrack:
    frames, seconds, rows = (np.array(values) for values in zip(*seen))
    crops = {side: StoredCrops(each, rows) for side, each in every.items()}
    return FaceTrack(number, frames.astype(np.int64), seconds.astype(np.float64), crops)
