"""Label the faces of several frames at once, clean and attacked."""

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import numpy as np
from scipy.special import softmax

from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from live.model_loader import ModelLoader
from live.perturb import perturb, wait_for_attack
from live.reading import Answer, Face
from live.settings import Settings
from live.video.find import FoundFace

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Labeller:
    """One or two classifiers and an attack on the first; loaded once."""

    def __init__(self, models: ModelLoader, settings: Settings) -> None:
        """Load the classifiers, and try the attack on a grey face.

        Args:
            models: offers the models of the settings.
            settings: `model`, `second`, `attack` and the attack's own.

        Raises:
            InputError: a model that cannot be loaded, an unknown target, an attack that needs
                gradients of a classifier without, or a second classifier that sees other crops.
        """
        self.settings = settings
        self._models = models
        self.classifiers = [models.wait(model) for model in settings.models]
        first, *others = self.classifiers
        if settings.attack:
            for other in others:
                if other.face_side != first.face_side:
                    raise InputError(
                        f"with an attack, both models must take faces of one size; {first.id} "
                        f"takes {first.face_side} pixels, {other.id} {other.face_side}. Omit "
                        "the second model (--beside) or the attack."
                    )
            grey = np.full((1, first.face_side, first.face_side, 1), 0.5, np.float32)
            wait_for_attack(models, first, settings)
            self._perturbed(grey, first.predict(grey), np.ones(1, np.int64))

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the crops that the classifiers want, in pixels."""
        return tuple(classifier.face_side for classifier in self.classifiers)

    def run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call a function that asks the classifiers."""
        return work(*args, **kwargs)

    def label(self, found: Sequence[FoundFace], tracks: Sequence[int]) -> list[Face]:
        """Classify faces, attack them, classify them again.

        Args:
            found: faces of any frames.
            tracks: number of each face's track; noise on a face stays the same between frames.
        """
        if not found:
            return []
        images = [_images(found, classifier.face_side) for classifier in self.classifiers]
        answers = [_answers(c, x) for c, x in zip(self.classifiers, images)]
        attacked: np.ndarray | None = None
        after: list[list[Answer]] = []
        if self.settings.attack:
            labels = np.array([answer.probabilities.argmax() for answer in answers[0]], np.int64)
            attacked = self._perturbed(images[0], labels, np.array(tracks, np.int64))
            after = [_answers(classifier, attacked) for classifier in self.classifiers]
        return [
            Face(
                number=tracks[i],
                box=face.box,
                square=face.square,
                clean=images[0][i],
                answers=tuple(rows[i] for rows in answers),
                attacked=None if attacked is None else attacked[i],
                attacked_answers=tuple(rows[i] for rows in after),
            )
            for i, face in enumerate(found)
        ]

    def _perturbed(self, images: np.ndarray, labels: np.ndarray, tracks: np.ndarray) -> np.ndarray:
        return perturb(self._models, self.classifiers[0], images, labels, tracks, self.settings)


def _images(found: Sequence[FoundFace], side: int) -> np.ndarray:
    """Crops as float32 (N, side, side, 1) in [0, 1]."""
    return np.stack([face.crops[side] for face in found]).astype(np.float32) / np.float32(255)


def _answers(classifier: Classifier, images: np.ndarray) -> list[Answer]:
    classes = classifier.scheme.classes
    shares = softmax(classifier.logits(images).astype(np.float64), axis=1)
    return [Answer(classifier.id, classes, row, classes[int(row.argmax())]) for row in shares]
