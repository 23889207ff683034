"""Tracks: a face keeps its number from frame to frame, by overlap of its boxes."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from faces.box import Box

SAME_FACE = 0.3
"""Smallest IoU of the boxes of one face in two frames."""
LONGEST_GAP = 0.5
"""Seconds for which a face may be missing."""
LONGEST_BRIDGE = 1.25
"""Seconds after which a face must be back. Within them one missed frame is forgiven at any frame
rate: also at two frames per second, where its neighbours are a second apart."""
CALM = 0.5
"""Weight of the new box when smoothing: detections jitter by a pixel or two."""


@dataclass
class Track:
    """One face over time.

    Attributes:
        number: from 1, never reused.
        box: current box, smoothed.
        seen: time of the frame in which it was last detected, in seconds.
        missed: frames since then.
    """

    number: int
    box: Box
    seen: float
    missed: int = 0


class Tracker:
    """Assigns every box the number of its face."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._last = 0

    def update(self, boxes: list[Box], seconds: float) -> list[Track]:
        """Match the boxes of the next frame with the known faces.

        Args:
            boxes: boxes of all faces in the frame.
            seconds: time of the frame, on any clock.

        Returns:
            One track per box, in the order of the boxes.
        """
        found: dict[int, Track] = {}
        self.tracks = [t for t in self.tracks if not t.missed or seconds - t.seen <= LONGEST_BRIDGE]
        overlaps = np.array([[t.box.iou(box) for box in boxes] for t in self.tracks])
        overlaps = overlaps.reshape(len(self.tracks), len(boxes))
        for row, column in zip(*linear_sum_assignment(overlaps, maximize=True)):
            if overlaps[row, column] >= SAME_FACE:
                track = self.tracks[row]
                track.box = _between(track.box, boxes[column])
                track.seen, track.missed = seconds, 0
                found[int(column)] = track
        seen = {track.number for track in found.values()}
        for track in self.tracks:
            track.missed += track.number not in seen
        self.tracks = [track for track in self.tracks if _may_return(track, seconds)]
        for column, box in enumerate(boxes):
            if column not in found:
                self._last += 1
                found[column] = Track(self._last, box, seconds)
                self.tracks.append(found[column])
        return [found[column] for column in range(len(boxes))]


def _may_return(track: Track, seconds: float) -> bool:
    return track.missed <= 1 or seconds - track.seen <= LONGEST_GAP


def _between(old: Box, new: Box) -> Box:
    def mix(a: float, b: float) -> float:
        return a + CALM * (b - a)

    return replace(
        new,
        x=mix(old.x, new.x),
        y=mix(old.y, new.y),
        width=mix(old.width, new.width),
        height=mix(old.height, new.height),
    )
