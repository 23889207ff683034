"""Tracks: a face keeps its number from frame to frame, by overlap of its boxes."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from faces.box import Box

SAME_FACE = 0.3
"""Smallest IoU of the boxes of one face in two frames."""
PATIENCE = 10
"""Number of consecutive frames in which a face may be missing."""
CALM = 0.5
"""Weight of the new box when smoothing: detections jitter by a pixel or two."""


@dataclass
class Track:
    """One face over time.

    Attributes:
        number: from 1, never reused.
        box: current box, smoothed.
        missed: frames since it was last detected.
    """

    number: int
    box: Box
    missed: int = 0


class Tracker:
    """Assigns every box the number of its face."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._last = 0

    def update(self, boxes: list[Box]) -> list[Track]:
        """Match the boxes of the next frame with the known faces.

        Args:
            boxes: boxes of all faces in the frame.

        Returns:
            One track per box, in the order of the boxes.
        """
        found: dict[int, Track] = {}
        overlaps = np.array([[t.box.iou(box) for box in boxes] for t in self.tracks])
        overlaps = overlaps.reshape(len(self.tracks), len(boxes))
        for row, column in zip(*linear_sum_assignment(overlaps, maximize=True)):
            if overlaps[row, column] >= SAME_FACE:
                track = self.tracks[row]
                track.box, track.missed = _between(track.box, boxes[column]), 0
                found[int(column)] = track
        seen = {track.number for track in found.values()}
        for track in self.tracks:
            track.missed += track.number not in seen
        self.tracks = [track for track in self.tracks if track.missed <= PATIENCE]
        for column, box in enumerate(boxes):
            if column not in found:
                self._last += 1
                found[column] = Track(self._last, box)
                self.tracks.append(found[column])
        return [found[column] for column in range(len(boxes))]


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
