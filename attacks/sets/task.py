"""What an attack is given to make a set from: a model, faces, labels, and the attack itself.

Not here: making the set (`attacks/sets/sweep.py`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from attacks.sets.contents import SetHeader
from attacks.sets.spec import AttackSpec
from attacks.transfer import made_on
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.image_source import ImageSource, UnitImages
from fer_models.classifier import Classifier
from fer_models.identity import same_answers

_ASKED = 8
"""Number of clean images whose logits show whether a model is still the same."""
_ASKED_FOR_LABELS = 64
"""The same of a model that tells only labels."""


@dataclass(frozen=True, eq=False)
class CleanFaces:
    """The images that a set is made from, as attacks and corruptions take them.

    Attributes:
        images: float32 (N, H, W, C) in [0, 1], converted where they are indexed.
        row_ids: int64 (N,), on which random draws depend.
        sha256: `FaceSet.sha256` of these rows.
    """

    images: ImageSource
    row_ids: np.ndarray
    sha256: str

    @classmethod
    def of(cls, faces: FaceSet) -> Self:
        """All images of a FaceSet."""
        return cls(UnitImages(faces.images), faces.row_ids, faces.sha256)


@dataclass(frozen=True, eq=False)
class AttackTask:
    """An attack on the labelled faces of one model.

    Attributes:
        classifier: the model to attack.
        faces: the N clean images.
        labels: int64 (N,) in [0, K), attacked labels; rows without a label are left out before.
        spec: the attack, from `attacks.registry.attack_spec`.
        predicted: int64 (N,), classes that the model predicts for the clean images, where they are
            known; None to ask it.
    """

    classifier: Classifier
    faces: CleanFaces
    labels: np.ndarray
    spec: AttackSpec
    predicted: np.ndarray | None = None

    def header(self, transfer_set: bool = False) -> SetHeader:
        """Header of the set; it asks the model for the logits of the first images."""
        weights = self.classifier.weights_sha256
        return SetHeader(
            key=self.spec.key(self.faces.sha256, self.labels, weights, transfer_set=transfer_set),
            spec=self.spec,
            source=made_on(self.classifier),
            classes=self.classifier.scheme.classes,
            faces_sha256=self.faces.sha256,
            count=len(self.faces.images),
            image_shape=self.faces.images.shape[1:],
            precision=self.classifier.precision,
            answers=answers_of(self.classifier, self.faces),
        )


def answers_of(classifier: Classifier, faces: CleanFaces) -> list[list[float]]:
    """Logits of the first clean images; none for a random model."""
    images = faces.images[: _ASKED_FOR_LABELS if classifier.labels_only else _ASKED]
    with classifier.asked_anew():
        first = classifier.logits(images)
    with classifier.asked_anew("again"):
        again = classifier.logits(images)
    return first.tolist() if same_answers(first, again) else []


def check_same_model(directory: Path, header: SetHeader, answers: list[list[float]]) -> None:
    """Refuse a set on disk if its model has changed, even if the model's files are the same.

    Args:
        directory: folder of the set.
        header: its header; nothing is compared if it has no answers.
        answers: logits of the model that the set is used for, see `answers_of`.

    Raises:
        InputError: the model gives other logits than when the set was made.
    """
    if header.answers and answers and not same_answers(*map(np.array, (header.answers, answers))):
        raise InputError(
            f"{directory}: the model {header.source} gives other logits than when this set was "
            "made. Restore what it reads, or delete the folder."
        )
