"""A linear head keeps logits finite, however large."""

import numpy as np
import pytest

from datasets.labels import LabelScheme
from fer_models.classifier import DifferentiableClassifier, Pullback
from fer_models.linear_head import LinearHead

LEAST = float(np.finfo(np.float32).min)


class Masking(DifferentiableClassifier):
    """Three classes, of which the last is masked; the logit of the first is the mean pixel."""

    id, weights_sha256, scheme = "masking", "none", LabelScheme("three", ("a", "b", "c"))

    def __init__(self, mask: float) -> None:
        self._others = (0.5, mask)

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        return self.pullback(images).logits

    def pullback(self, images: np.ndarray) -> Pullback:
        means = images.mean(axis=(1, 2, 3))
        logits = np.array([[mean, *self._others] for mean in means], np.float32)
        even = np.ones_like(images) / images[0].size
        return Pullback(logits, lambda cotangent: cotangent[:, :1, None, None] * even)

    _batch_logits = attacked_logits


@pytest.mark.parametrize("scale", [10.0, 100.0])
@pytest.mark.parametrize("mask", [-1e9, -1e37, LEAST])
@pytest.mark.filterwarnings("error")
def test_larger_logits_keep_a_masked_class_masked(mask: float, scale: float) -> None:
    """R10 could not be made of a class that PyTorch's usual mask left out, and blamed the model."""
    louder = LinearHead(Masking(mask), scale * np.eye(3))
    images = np.array([0.25, 0.75], np.float32).reshape(2, 1, 1, 1)
    expected = [[0.25 * scale, 0.5 * scale], [0.75 * scale, 0.5 * scale]]
    for logits in (louder.logits(images), louder.pullback(images).logits):
        assert logits[:, :2] == pytest.approx(np.array(expected))
        assert logits[:, 2] == pytest.approx(max(mask * scale, LEAST))
