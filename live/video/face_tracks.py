"""The faces of a clip, each with its crops over time: for whoever classifies them himself.

Not here: rows of a clip (`live/video/read_clip.py`), which keep no pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.base.errors import InputError
from live.video.clip import Clip
from live.video.find import FaceFinder
from live.video.follow import Follower


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One face over time; frames in which it was not found are missing.

    Attributes:
        number: number of the track, from 1.
        frames: int64 (T,), numbers of its frames.
        seconds: float64 (T,), their times.
        crops: uint8 (T, side, side, 1) by side in pixels.
    """

    number: int
    frames: np.ndarray
    seconds: np.ndarray
    crops: dict[int, np.ndarray]


def face_tracks(
    clip: Clip, finder: FaceFinder, most_seconds: float, progress: Callable[[int, int], object]
) -> tuple[list[FaceTrack], bool]:
    """Read the faces of a clip; return them, and whether the clip was read to its end.

    Args:
        clip: an opened clip.
        finder: searches its frames.
        most_seconds: where to stop.
        progress: called with the numbers of frames that are done and expected.

    Raises:
        InputError: there is no frame, or one is too small or too large.
    """
    follower, to_end = Follower(), True
    entries: dict[int, list[tuple[int, float, dict[int, np.ndarray]]]] = {}
    for frame in clip.frames():
        if frame.seconds >= most_seconds:
            to_end = False
            break
        try:
            found = finder.find(frame)
        except InputError as error:
            raise InputError(f"{clip.path}: {error}") from error
        boxes = [face.box for face in found.faces]
        for face, followed in zip(found.faces, follower.update(boxes, [None] * len(boxes), 0.0)):
            entry = (found.index, found.seconds, face.crops)
            entries.setdefault(followed.track, []).append(entry)
        progress(found.index + 1, max(found.index + 1, clip.expected))
    return [_track(number, found) for number, found in entries.items()], to_end


def _track(number: int, entries: list[tuple[int, float, dict[int, np.ndarray]]]) -> FaceTrack:
    frames, seconds, crops = zip(*entries)
    sides = crops[0].keys()
    return FaceTrack(
        number,
        np.array(frames, np.int64),
        np.array(seconds, np.float64),
        {side: np.stack([crop[side] for crop in crops]) for side in sides},
    )
