"""The running mean of the logits of the last frames."""

import numpy as np

from fer_models.smoothing.smoother import ScoreSmoother, Smoothed


class RunningMean(ScoreSmoother):
    """Mean logits of the last frames; of fewer where the face has just appeared."""

    def __init__(self, window: int) -> None:
        """Make a running mean.

        Args:
            window: number of frames, this one included.
        """
        self.window, self.name = window, f"mean:{window}"

    def smooth(self, logits: np.ndarray) -> Smoothed:
        """See `ScoreSmoother.smooth`."""
        frames = np.arange(len(logits))
        first = np.maximum(frames - self.window + 1, 0)
        counts = (frames - first + 1)[:, None]
        wide = logits.astype(np.float64)

        def pull(cotangent: np.ndarray) -> np.ndarray:
            after = np.minimum(frames + self.window, len(frames))
            return _sums(cotangent / counts, frames, after)

        return Smoothed(_sums(wide, first, frames + 1) / counts, pull)


def _sums(values: np.ndarray, first: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Sums of the rows from each `first` to before each `after`, float64 (T, K)."""
    running = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0)])
    return running[after] - running[first]
