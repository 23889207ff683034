"""Box: position of a face in an image, in pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Box:
    """A rectangle with a score.

    Attributes:
        x: left edge, pixels from the left of the image.
        y: upper edge, pixels from the top.
        width: in pixels.
        height: in pixels.
        score: confidence in the detector's own unit; do not compare scores of different detectors.
    """

    x: float
    y: float
    width: float
    height: float
    score: float = 1.0

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        """Center (x, y)."""
        return self.x + self.width / 2, self.y + self.height / 2

    def square(self, scale: float = 1.0, down: float = 0.0) -> "Box":
        """Return a square around the center.

        Args:
            scale: side of the square over the mean side of this box.
            down: shift of the center downwards, in sides of this box.
        """
        side = (self.width + self.height) / 2
        x, y = self.center
        y += down * side
        half = side * scale / 2
        return replace(self, x=x - half, y=y - half, width=2 * half, height=2 * half)

    def scaled(self, factor: float) -> "Box":
        """Return the box for an image resized by `factor`."""
        x, y, width, height = (factor * v for v in (self.x, self.y, self.width, self.height))
        return Box(x, y, width, height, self.score)

    def clip(self, width: int, height: int) -> "Box":
        """Return the part inside an image; width or height is 0 if there is none."""
        left, right = (min(max(v, 0), width) for v in (self.x, self.x + self.width))
        top, bottom = (min(max(v, 0), height) for v in (self.y, self.y + self.height))
        return replace(self, x=left, y=top, width=right - left, height=bottom - top)

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        inside = max(width, 0) * max(height, 0)
        union = self.area + other.area - inside
        return inside / union if union > 0 else 0.0

    def best_match(self, others: Sequence["Box"], least: float) -> int | None:
        """Index of the box with the largest `iou`; None if that is below `least`."""
        best = max(range(len(others)), key=lambda i: self.iou(others[i]), default=None)
        return best if best is not None and self.iou(others[best]) >= least else None
