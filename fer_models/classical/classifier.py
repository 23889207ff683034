"""Classical classifiers as black boxes: any image in [0, 1] to logits."""

from pathlib import Path

import numpy as np

from datasets.labels import SCHEMES, LabelScheme
from fer_models.cards import Card
from fer_models.classical.grey_faces import grey_faces
from fer_models.classical.models import FaceModel, read_model
from fer_models.classical.recipes import LgbmRecipe, SvmRecipe
from fer_models.classifier import Classifier


class ClassicalClassifier(Classifier):
    """A classical model as a black box."""

    def __init__(
        self, model: FaceModel, scheme: LabelScheme, model_id: str, weights_sha256: str
    ) -> None:
        self.model = model
        self.scheme = scheme
        self.id = model_id
        self.weights_sha256 = weights_sha256

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.model.logits(grey_faces(images))


def load_classical(card: Card, weights: Path) -> ClassicalClassifier:
    """Make a card's classifier, without checking the hash.

    Raises:
        InputError: the weights are missing, cut short, or of another kind of model.
    """
    assert isinstance(card.recipe, SvmRecipe | LgbmRecipe)
    model = read_model(card.recipe, weights)
    return ClassicalClassifier(model, SCHEMES[card.label_set], card.id, card.weights_sha256)
