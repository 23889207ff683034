"""Expressions of all faces in a photograph, as boxes with named probabilities."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from faces.box import Box
from faces.crop import crop_faces
from faces.detector import Detector
from fer_models.classifier import Classifier


@dataclass(frozen=True, eq=False)
class FacePrediction:
    """One face and how a classifier labels it.

    Attributes:
        box: where the detector found it, in pixels.
        face: what the classifier saw, uint8 (H, W, 1).
        probabilities: class name to probability, in the order of the classifier's classes; of a
            model that returns labels only, 1 for the label and 0 for others.
        labels_only: whether the model returns a label and no probabilities.
    """

    box: Box
    face: np.ndarray
    probabilities: dict[str, float]
    labels_only: bool = False

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """Classes with their probabilities, the most probable first."""
        return sorted(self.probabilities.items(), key=lambda item: -item[1])

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.ranked[0][0]


def predict_faces(
    image: np.ndarray, classifier: Classifier, detector: Detector
) -> list[FacePrediction]:
    """Find faces, cut them as FER2013 did, classify them.

    Args:
        image: uint8 RGB (H, W, 3).
        classifier: classifier of faces; see `fer_models.zoo.load`.
        detector: see `faces.detectors.make_detector`.

    Returns:
        One entry per face, the largest first; empty when there is none.

    Raises:
        ValueError: not uint8 RGB of shape (H, W, 3).
        InputError: smaller than 16x16 or larger than 40 million pixels.
    """
    boxes = detector.detect(image)
    if not boxes:
        return []
    frames = [detector.frame(box) for box in boxes]
    faces = crop_faces(image, frames, classifier.face_side)
    logits = classifier.logits(faces.astype(np.float32) / 255).astype(float)
    labels_only = classifier.labels_only
    shares = logits if labels_only else softmax(logits, axis=1)
    return [
        FacePrediction(
            box, face, dict(zip(classifier.scheme.classes, map(float, row))), labels_only
        )
        for box, face, row in zip(boxes, faces, shares)
    ]
