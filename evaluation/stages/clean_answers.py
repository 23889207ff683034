"""The first stage of a run: every model classifies the clean faces.

A model that fails on clean faces is left out of the rest of the run (R24).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from attacks.broken import check_resolution
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.image_source import UnitImages
from evaluation.stages.failures import CLEAN, Failures
from evaluation.stages.residence import Residence
from fer_models.classifier import Classifier


class CleanAnswers(NamedTuple):
    """Models that classified the clean faces, and their logits.

    Attributes:
        classifiers: in the order of the report.
        images: float32 (N, H, W, C) in [0, 1], the clean faces, converted where they are indexed.
        logits: float32 (N, K) of each model, by its id.
    """

    classifiers: list[Classifier]
    images: UnitImages
    logits: dict[str, np.ndarray]

    @property
    def predicted(self) -> dict[str, np.ndarray]:
        """Class int64 (N,) that each model predicts, by its id."""
        return {model: logits.argmax(axis=1) for model, logits in self.logits.items()}


def answer_clean(
    faces: FaceSet, classifiers: Sequence[Classifier], failures: Failures, residence: Residence
) -> CleanAnswers:
    """Classify the clean faces with every model.

    Args:
        faces: N faces.
        classifiers: in the order of the report.
        failures: collects the models that fail.
        residence: told of each model that was used.

    Raises:
        InputError: every model fails, or the logits of one are too coarse to attack it.
    """
    images = UnitImages(faces.images)
    logits = {}
    for classifier in classifiers:
        with failures.kept(classifier, CLEAN, told=len(classifiers) > 1):
            logits[classifier.id] = classifier.logits(images)
        residence.used(classifier)
    for model, answers in logits.items():
        check_resolution(model, answers)
    answered = [classifier for classifier in classifiers if classifier.id in logits]
    if not answered and len(classifiers) == 1:
        raise InputError(_said(failures.entries[0]))
    if not answered:
        raise InputError(
            "every model fails on the clean faces, so none is measured. Correct what the lines "
            "above name."
        )
    return CleanAnswers(answered, images, logits)


def _said(entry: dict[str, Any]) -> str:
    """What a model failed with; its name comes first."""
    model, message = entry["model"], str(entry["message"])
    return message if message.startswith(model) else f"{model}: {message}"
