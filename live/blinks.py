"""Count the blinks of one face from its eye aspect ratio.

The published threshold alone takes smiling eyes for closed ones (docs/faces.md), so eyes count as
closed when below that threshold and well below the person's own median.
"""

from collections import deque
from statistics import median

from faces.eyes import BLINK

OWN_SHARE = 0.75
"""Closed means below this share of the person's own median ratio."""
MEMORY = 150
"""Number of frames in the median: 5 s at 30 per second."""
FEWEST = 10
"""Number of frames needed before blinks are counted."""
LONGEST = 1.0
"""Longest blink, in seconds; eyes closed for longer are closed on purpose."""


class BlinkCounter:
    """Counts how often the eyes open after a short closure.

    Attributes:
        count: blinks so far.
        closed: whether the eyes are closed now.
    """

    def __init__(self) -> None:
        self.count = 0
        self.closed = False
        self._ratios: deque[float] = deque(maxlen=MEMORY)
        self._since = 0.0

    def update(self, ratio: float, seconds: float) -> int:
        """Update with the next eye aspect ratio.

        Args:
            ratio: see `faces.eyes.eye_aspect_ratio`.
            seconds: time of the frame.

        Returns:
            Blinks so far.
        """
        enough = len(self._ratios) >= FEWEST
        closed = enough and ratio < min(BLINK, OWN_SHARE * median(self._ratios))
        if closed and not self.closed:
            self._since = seconds
        if self.closed and not closed and seconds - self._since <= LONGEST:
            self.count += 1
        self.closed = closed
        self._ratios.append(ratio)
        return self.count
