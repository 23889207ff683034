"""Follow faces through a clip: their tracks and blinks, from boxes and eyes frame by frame.

What it knows depends on the rows alone, so a resumed reading replays those it has kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

from faces.box import Box
from live.blinks import BlinkCounter
from live.tracking import Tracker
from live.video.people.sampling import Sampling


class Followed(NamedTuple):
    """A face in a frame.

    Attributes:
        track: number of its track, from 1.
        blinks: of the track so far.
        sampled: whether it is to be compared with people in this frame, if anybody asks.
    """

    track: int
    blinks: int
    sampled: bool


class Follower:
    """Gives every face of a clip its track and counts its blinks."""

    def __init__(self) -> None:
        self._tracker = Tracker()
        self._blinks: dict[int, BlinkCounter] = {}
        self._sampling = Sampling()

    def update(
        self, boxes: Sequence[Box], ratios: Sequence[float | None], seconds: float
    ) -> list[Followed]:
        """Take the faces of the next frame, and return one entry for each.

        Args:
            boxes: boxes of the faces.
            ratios: eye aspect ratio of each; None without landmarks.
            seconds: time of the frame.
        """
        tracks = [track.number for track in self._tracker.update(list(boxes), seconds)]
        known = {track.number for track in self._tracker.tracks}
        self._blinks = {n: counter for n, counter in self._blinks.items() if n in known}
        self._sampling.forget(known)
        followed = []
        for number, ratio in zip(tracks, ratios):
            counter = self._blinks.setdefault(number, BlinkCounter())
            count = counter.count if ratio is None else counter.update(ratio, seconds)
            sampled = ratio is not None and self._sampling.wanted(number, seconds)
            followed.append(Followed(number, count, sampled))
        return followed
