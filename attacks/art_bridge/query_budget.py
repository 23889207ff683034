"""A budget of queries for attacks that see labels only, and the nearest image they came upon."""

from typing import Any

import numpy as np

from attacks.art_bridge.estimator import Estimator
from attacks.art_bridge.spent import Spent
from attacks.broken import STOP_LEAD, broken
from attacks.threat_model import Norm, distance
from fer_models.classifier import Classifier


class OutOfQueriesError(Exception):
    """The next query would exceed the budget; the attack catches it."""


class BudgetedEstimator(Estimator):
    """Our classifier as ART's, asked about one image and at most so many queries.

    Args:
        classifier: the attacked model.
        clean: the image, float32 (1, H, W, C).
        label: its class.
        norm: in which `nearest` is nearest.
        queries: most of them.
        spent: counts them.

    Attributes:
        nearest: the nearest broken image of all queries, float32 (1, H, W, C); None before the
            first.
    """

    def __init__(
        self,
        classifier: Classifier,
        clean: np.ndarray,
        label: np.ndarray,
        norm: Norm,
        queries: int,
        spent: Spent,
    ) -> None:
        super().__init__(classifier, clean.shape[1:], spent)
        self._clean, self._label, self._norm, self._left = clean, label, norm, queries
        self.nearest: np.ndarray | None = None
        self._distance = np.inf

    def predict(self, x: np.ndarray, batch_size: int = 128, **_: Any) -> np.ndarray:
        """Logits float32 (N, K).

        Raises:
            OutOfQueriesError: N is more than what is left.
        """
        if len(x) > self._left:
            raise OutOfQueriesError
        self._left -= len(x)
        logits = super().predict(x, batch_size)
        wrong = x[broken(logits, np.repeat(self._label, len(x)), STOP_LEAD)]
        if len(wrong):
            sizes = distance(np.clip(wrong, 0, 1), self._clean, self._norm)
            if sizes.min() < self._distance:
                self._distance = float(sizes.min())
                self.nearest = np.clip(wrong[[sizes.argmin()]], 0, 1).astype(np.float32)
        return logits
