"""A hidden Markov model whose states are the classes: its forward filter."""

import numpy as np
from scipy.special import log_softmax, softmax

from fer_models.smoothing.smoother import ScoreSmoother, Smoothed


class HiddenMarkov(ScoreSmoother):
    """Log-probability of each class now, given all frames so far.

    The class stays from frame to frame with probability `stay`, and changes to each other class
    with equal probability; at the start all classes are equally likely. The classifier's
    probabilities serve as likelihoods of the classes, which is Bayes' rule under equal shares of
    the classes in its training.

    Source: Rabiner 1989, Proc. IEEE 77(2), 257-286, equations 19 to 21 (forward procedure).
    """

    def __init__(self, stay: float) -> None:
        """Make a filter.

        Args:
            stay: probability, in (0, 1), that the class is the same in the next frame.
        """
        self.stay, self.name = stay, f"hmm:{stay:g}"

    def smooth(self, logits: np.ndarray) -> Smoothed:
        """See `ScoreSmoother.smooth`."""
        wide = logits.astype(np.float64)
        likelihood = log_softmax(wide, axis=1)
        moves = self._moves(wide.shape[1])
        scores, origins = np.empty_like(wide), []
        for t, row in enumerate(likelihood):
            if t == 0:
                joint = row
            else:
                paths = scores[t - 1][:, None] + moves  # from class j to class k
                before = np.logaddexp.reduce(paths, axis=0)
                origins.append(np.exp(paths - before))
                joint = row + before
            scores[t] = joint - np.logaddexp.reduce(joint)

        def pull(cotangent: np.ndarray) -> np.ndarray:
            wanted = np.array(cotangent, np.float64)
            by_likelihood = np.empty_like(wanted)
            for t in reversed(range(len(wanted))):
                joint = wanted[t] - np.exp(scores[t]) * wanted[t].sum()
                by_likelihood[t] = joint
                if t:
                    wanted[t - 1] += origins[t - 1] @ joint
            return by_likelihood - softmax(wide, axis=1) * by_likelihood.sum(axis=1, keepdims=True)

        return Smoothed(scores, pull)

    def _moves(self, classes: int) -> np.ndarray:
        """Log-probability of a move from class j to class k, float64 (K, K)."""
        moves = np.full((classes, classes), np.log((1 - self.stay) / (classes - 1)))
        np.fill_diagonal(moves, np.log(self.stay))
        return moves
