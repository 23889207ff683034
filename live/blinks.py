"""Blinks of one face, counted from how far its eyes are open.

The published threshold alone calls smiling eyes closed (docs/faces.md), so an eye counts as closed
when it is below that threshold and clearly below the person's own median.
"""

from collections import deque
from statistics import median

from faces.eyes import BLINK

OWN_SHARE = 0.75
"""Closed means below this share of the person's own median ratio."""
MEMORY = 150
"""Frames the median looks back: 5 s at 30 a second."""
FEWEST = 10
"""Frames before anything is counted."""
LONGEST = 1.0
"""Seconds; eyes closed for longer are closed, not blinking."""


class BlinkCounter:
    """Counts openings after a short closing.

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
        """Take the next eye aspect ratio.

        Args:
            ratio: see `faces.eyes.eye_aspect_ratio`.
            seconds: when it was seen.

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
