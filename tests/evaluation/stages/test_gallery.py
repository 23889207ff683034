"""Faces of the gallery: which of them an 8-bit image file can hold."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from attacks.threat_model import Norm
from evaluation.stages.gallery import examples


class Threshold:
    """Class 1 where the first pixel is above 100.4 steps."""

    labels_only = False
    scheme = SimpleNamespace(classes=("low", "high"))

    def logits(self, images: np.ndarray) -> np.ndarray:
        lead = 255 * images[:, 0, 0, 0] - 100.4
        return np.stack([-lead, lead], axis=1).astype(np.float32)

    def predict(self, images: np.ndarray) -> np.ndarray:
        answers: np.ndarray = self.logits(images).argmax(axis=1)
        return answers


def test_a_face_survives_8_bits_only_if_its_file_lies_within_eps() -> None:
    """Of 100, 100.6 would be 101 in a file: beyond 0.6, so not there; 101.6 is 101 within 1.6."""
    eps = np.array([0.6, 1.6]) / 255
    clean = np.full((2, 1, 1, 1), 100, np.float32) / np.float32(255)
    made: Any = SimpleNamespace(
        row_ids=np.array([7, 8]),
        image_rows=np.arange(2),
        images=np.array([100.6, 101.6], np.float32).reshape(2, 1, 1, 1) / np.float32(255),
        smallest_eps=eps,
        spec=SimpleNamespace(norm=Norm.LINF),
    )
    rows = pd.DataFrame({"row": [7, 8], "label": 0, "smallest_eps": eps, "model": "threshold"})
    rows = rows.assign(attacked_labels="fer", perturbation="pgd", norm="linf")
    shown = examples(Threshold(), made, clean, rows, None)  # type: ignore[arg-type]
    assert (shown["attacked_probabilities"][:, 1] > 0.5).all()  # both are broken in float32
    assert shown["survives_8bit"].tolist() == [False, True]
