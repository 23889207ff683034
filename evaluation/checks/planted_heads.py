"""A model whose answers near each of several faces go through a head of that face.

So all faces with a planted example (R14) are attacked in one batch, although each has its own head.
"""

import numpy as np

from attacks.threat_model import TOLERANCE, Norm, distance
from datasets.labels import LabelScheme
from fer_models.classifier import Classifier, DifferentiableClassifier, Pullback
from fer_models.wrapped_classifier import WrappedClassifier

TWO = LabelScheme("planted", ("face", "planted"))
APART = 6
"""Distance between two faces of a batch, in eps: their balls must not meet, and under L1 an attack
first climbs in balls of 3 eps (`attacks/sparse_ascent.py`)."""


class PlantedHeads(WrappedClassifier, DifferentiableClassifier):
    """Two classes for each image, by the linear head of the face that is nearest to it."""

    inner: DifferentiableClassifier

    def __init__(
        self,
        inner: DifferentiableClassifier,
        faces: np.ndarray,
        directions: np.ndarray,
        offsets: np.ndarray,
        norm: Norm,
    ) -> None:
        """Put heads behind a model: the second class leads by direction · logits + offset.

        Args:
            inner: the model, with K classes.
            faces: float32 (F, H, W, C).
            directions: float64 (F, K).
            offsets: float64 (F,).
            norm: in which the nearest face is found.
        """
        self._faces, self._norm = faces, norm
        self._directions, self._offsets = directions, offsets
        super().__init__(inner)

    def _take_over(self, inner: Classifier) -> None:
        super()._take_over(inner)
        self.scheme = TWO

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 (N, 2)."""
        return self._answer(images, self.inner.attacked_logits(images))

    def pullback(self, images: np.ndarray) -> Pullback:
        """See `DifferentiableClassifier.pullback`."""
        logits, pull = self.inner.pullback(images)
        directions = self._directions[self._nearest(images)]

        def back(cotangent: np.ndarray) -> np.ndarray:
            lead = cotangent[:, 1:] - cotangent[:, :1]
            return pull((lead / 2 * directions).astype(np.float32))

        return Pullback(self._answer(images, logits), back)

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self._answer(images, self.inner._batch_logits(images))

    def _answer(self, images: np.ndarray, logits: np.ndarray) -> np.ndarray:
        nearest = self._nearest(images)
        lead = (logits * self._directions[nearest]).sum(axis=1) + self._offsets[nearest]
        return np.stack([-lead, lead], axis=1).astype(np.float32) / 2

    def _nearest(self, images: np.ndarray) -> np.ndarray:
        """Which face each image is nearest to, int64 (N,)."""
        if len(self._faces) == 1:
            return np.zeros(len(images), np.int64)
        away = [distance(images, face[None], self._norm) for face in self._faces]
        return np.argmin(away, axis=0)


def batches_apart(faces: np.ndarray, eps: float, norm: Norm) -> list[np.ndarray]:
    """Divide faces into batches in which all lie so far apart that their balls do not meet.

    Args:
        faces: float32 (F, H, W, C).
        eps: radius of the balls.
        norm: of the balls.

    Returns:
        Indices of the faces of each batch, int64, ascending; one batch unless faces are alike.
    """
    least, batches = APART * eps * (1 + TOLERANCE), list[list[int]]()
    for row, face in enumerate(faces):
        for batch in batches:
            if (distance(faces[batch], face[None], norm) > least).all():
                batch.append(row)
                break
        else:
            batches.append([row])
    return [np.array(batch) for batch in batches]
