"""In which frames a face is compared with the people: describing it takes longer than all else."""

FIRST = 5
"""Comparisons of a new track in quick succession."""
SOON, LATER = 0.2, 1.0
"""Seconds between the first comparisons, and between later ones."""


class Sampling:
    """Decides for each sighting of a track; depends on their times alone."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[int, float]] = {}

    def wanted(self, track: int, seconds: float) -> bool:
        """Whether the face is to be compared in this frame, which then counts as done.

        Args:
            track: number of the face's track.
            seconds: time of the frame.
        """
        count, last = self._done.get(track, (0, 0.0))
        if count and seconds - last < (SOON if count < FIRST else LATER):
            return False
        self._done[track] = count + 1, seconds
        return True

    def forget(self, known: set[int]) -> None:
        """Forget all tracks but these."""
        self._done = {track: done for track, done in self._done.items() if track in known}
