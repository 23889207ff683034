"""What a smoother is: logits of one face frame by frame in, one label per frame out."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fer_models.smoothing.repeater import Repeater


class Smoothed(NamedTuple):
    """Smoothed scores, and the way back from them to the logits.

    Attributes:
        scores: float64 (T, K); the largest of a frame is its label.
        pull: from a derivative by the scores (T, K) to the derivative of the same by the logits,
            float64 (T, K).
    """

    scores: np.ndarray
    pull: Callable[[np.ndarray], np.ndarray]


class Smoother(ABC):
    """Reads one face over time, online.

    Attributes:
        name: such as `mean:12`.
    """

    name: str

    @abstractmethod
    def labels(self, logits: np.ndarray) -> np.ndarray:
        """Label of each frame, int64 (T,), from logits float (T, K) of consecutive frames."""


class ScoreSmoother(Smoother):
    """A smoother whose label is the largest of differentiable scores."""

    @abstractmethod
    def smooth(self, logits: np.ndarray) -> Smoothed:
        """Scores of each frame, and their vector-Jacobian product.

        Args:
            logits: float (T, K) of consecutive frames.
        """

    def labels(self, logits: np.ndarray) -> np.ndarray:
        """See `Smoother.labels`."""
        return self.smooth(logits).scores.argmax(axis=1)


class RepeaterSmoother(Smoother):
    """The live demo's repeater: a label is held until another is predicted N times in a row."""

    def __init__(self, repeat: int) -> None:
        """Make a repeater.

        Args:
            repeat: equal predictions in a row that change the label; 1 smooths nothing.
        """
        self.repeat = repeat
        self.name = "none" if repeat == 1 else f"repeater:{repeat}"

    def labels(self, logits: np.ndarray) -> np.ndarray:
        """See `Smoother.labels`."""
        repeater = Repeater()
        held = [repeater.update(int(k), self.repeat) for k in logits.argmax(axis=1)]
        return np.array(held, np.int64)
