"""What a classifier is: numpy images in [0, 1] to logits, and to gradients where it has any.

Nothing here knows a framework. `fer_models/gradients.py` answers with TensorFlow,
`fer_models/pytorch/classifier.py` with PyTorch; `fer_models.keras_classifier.wrap(model, contract)`
makes a classifier of a Keras model, `fer_models.pytorch.classifier.wrap_torch` of a PyTorch module.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from datasets.base.errors import InputError
from datasets.image_source import ImageSource
from datasets.labels import LabelScheme, LabelSet
from faces.crop import SIZE
from fer_models.loss_slopes import check_targets, loss_slope
from fer_models.losses import Loss

BATCH_SIZE = 128
"""Most images per forward call."""
MEND = "Correct its scaling or its weights."
"""What to do about a model that returns NaN or infinity."""


class ModelError(InputError):
    """A model failed, or answered what cannot be logits; in a run it is an error row (R24)."""


class NoTranslationError(Exception):
    """A model cannot become a net with gradients; says why, in a line without a full stop."""


@contextmanager
def exits_refused(model: str) -> Iterator[None]:
    """Turn a `sys.exit` in the code of a model, which would end the command, into an error of it.

    Raises:
        ModelError: the code leaves Python.
    """
    try:
        yield
    except SystemExit as error:
        raise ModelError(
            f"{model}: its code must not end Python; it calls sys.exit({error.code!r}). Let it "
            "raise an error instead."
        ) from error


def slices(count: int, size: int) -> Iterator[slice]:
    """The places 0 to `count`, `size` at a time; of none, one empty part."""
    return (slice(start, start + size) for start in range(0, max(count, 1), size))


class Classifier(ABC):
    """A classifier of images, seen as a black box.

    Attributes:
        id: `ARCHITECTURE.LABEL_SET` for our own, a path or name for others.
        scheme: classes in the order of the logits.
        weights_sha256: identity of the weights, part of every cache key.
        precision: number format of gradients; `logits` are always float32.
        may_reduce_precision: gradients in bfloat16 can be tried, as of a Keras model.
        draws_apart: gradients come from other random draws than `logits`, as an attacker's must;
            see `drawn`.
        face_side: pixels of the squares that faces are cut to from a photograph.
        labels_only: the model tells a class and no scores; its logits are 1 for it, 0 for others.
        no_gradients: why a file that often has gradients has none, such as an operator that is not
            known; empty for all others.
    """

    id: str
    scheme: LabelScheme
    weights_sha256: str
    precision: str = "float32"
    may_reduce_precision: bool = False
    draws_apart: bool = False
    face_side: int = SIZE
    labels_only: bool = False
    no_gradients: str = ""

    def logits(self, images: ImageSource) -> np.ndarray:
        """Logits of each image.

        Args:
            images: float32 (N, H, W, C) in [0, 1]; any H, W; C = 1 or 3. Each batch is indexed
                when its turn comes.

        Returns:
            float32 (N, K).

        Raises:
            ValueError: images have the wrong dtype, shape or range.
            ModelError: the model failed, or answered NaN, infinity, or not (N, K).
        """
        logits = np.empty((len(images), self.scheme.num_classes), np.float32)
        if not len(images):
            check_images(images[:0])
        for start in range(0, len(images), BATCH_SIZE):
            part, batch = logits[start : start + BATCH_SIZE], images[start : start + BATCH_SIZE]
            check_images(batch)
            with exits_refused(self.id):
                answer = self._batch_logits(batch)
            if answer.shape != part.shape:
                raise ModelError(
                    f"{self.id} must answer {part.shape} to {len(part)} images; it answered "
                    f"{answer.shape}. Make it return one row per image."
                )
            part[:] = answer
        require_finite(self.id, images, logits)
        return logits

    def predict(self, images: ImageSource) -> np.ndarray:
        """Class index of each image, int64 (N,); see `logits`."""
        return self.logits(images).argmax(axis=1)

    @property
    def exact(self) -> "Classifier":
        """This classifier with gradients as exact as its logits."""
        return self

    def drawn(self, number: int) -> AbstractContextManager[None]:
        """While it is open, gradients come from the random draws of this number.

        They are the same for the same number, whatever images are asked about. An attack has
        others at each of its steps; outside they are those of 0.
        """
        return nullcontext()

    def with_draws(self, factor: int) -> Self:
        """This classifier, with gradients that average over so many times the random draws."""
        return self

    def asked_anew(self, draw: str = "", kept: bool = False) -> AbstractContextManager[None]:
        """While it is open, the model is asked although it may have kept answers.

        Args:
            draw: name of these answers; under each an image is asked about once.
            kept: whether they are kept for later processes. Otherwise each process asks, which
                tells whether the model is still the same.
        """
        return nullcontext()

    def release(self) -> None:  # noqa: B027, most models hold nothing that can be made again
        """Free what the next call makes again: compiled calls, and weights that lie in a file."""

    def keep_answers(self, folder: Path) -> None:  # noqa: B027, most models have nothing to do
        """Keep answers in a folder and reuse those there; a model that runs here keeps none."""

    @abstractmethod
    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 (N, K) of one checked batch, 1 <= N <= `BATCH_SIZE`."""


class Gradients(NamedTuple):
    """Logits float32 (N, K), loss float32 (N,), and its gradient, of the images' shape."""

    logits: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray


class LeadGradients(NamedTuple):
    """Logits float32 (N, K), and gradients of the lead of M classes, float32 (N, M, H, W, C)."""

    logits: np.ndarray
    gradients: np.ndarray


class Pullback(NamedTuple):
    """Logits, and the way back from them to the pixels.

    Attributes:
        logits: float32 (N, K).
        pull: from a cotangent (N, K), the derivative of anything by the logits, to the derivative
            of the same by the pixels, float32 (N, H, W, C); may be called several times.
    """

    logits: np.ndarray
    pull: Callable[[np.ndarray], np.ndarray]


class DifferentiableClassifier(Classifier):
    """A classifier that also answers with gradients with respect to the pixels.

    A subclass writes `attacked_logits` and `pullback`; every loss follows from these.
    """

    @abstractmethod
    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits that the gradients belong to, as an attacker sees them.

        They differ from `logits` in reduced precision, and where an attacker draws otherwise.

        Args:
            images: float32 (N, H, W, C) in [0, 1].

        Returns:
            float32 (N, K).
        """

    @abstractmethod
    def pullback(self, images: np.ndarray) -> Pullback:
        """The logits as an attacker sees them, and their vector-Jacobian product.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
        """

    def input_gradients(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        loss: Loss,
        targets: np.ndarray | None = None,
    ) -> Gradients:
        """Logits, loss and its gradient with respect to the pixels.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            labels: int64 (N,) in [0, K).
            loss: what the gradient increases.
            targets: int64 (N,) in [0, K), the class to reach instead of any other; for margin and
                dlr.

        Raises:
            ModelError: logits or gradient are NaN or infinite (never read as zero, R9).
            ValueError: targets for a loss that takes none.
        """
        check_targets(loss, targets)
        logits, pull = self.pullback(images)
        check_finite(self.id, "the logits", logits)
        losses, slope = loss_slope(loss, logits, labels, targets)
        gradient = pull(slope.astype(np.float32))
        check_finite(self.id, "the input gradient", gradient)
        return Gradients(logits, losses.astype(np.float32), gradient)

    def logit_gradients(self, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Gradient of one logit of each image with respect to its pixels, float32 (N, H, W, C).

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            classes: int64 (N,) in [0, K), whose logit is differentiated.

        Raises:
            ModelError: the gradient is NaN or infinite.
        """
        _, pull = self.pullback(images)
        gradient = pull(np.eye(self.scheme.num_classes, dtype=np.float32)[classes])
        check_finite(self.id, "a logit's gradient", gradient)
        return gradient

    def lead_gradients(
        self, images: np.ndarray, labels: np.ndarray, others: np.ndarray
    ) -> LeadGradients:
        """Logits, and the gradients of how far other classes lead over the label.

        One pass forward and one back for each of the classes.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            labels: int64 (N,) in [0, K).
            others: int64 (N, M) in [0, K), the classes.

        Raises:
            ModelError: logits or gradients are NaN or infinite.
        """
        logits, pull = self.pullback(images)
        classes = np.eye(self.scheme.num_classes, dtype=np.float32)
        pulled = [pull(classes[other] - classes[labels]) for other in others.T]
        found = LeadGradients(logits, np.stack(pulled, axis=1))
        check_finite(self.id, "logits or gradients", *found)
        return found


def check_finite(model: str, what: str, *arrays: np.ndarray) -> None:
    """Refuse NaN and infinity in logits and gradients.

    Raises:
        ModelError: there is one; `what` names the arrays.
    """
    if not all(np.isfinite(each).all() for each in arrays):
        raise ModelError(f"{model}: NaN or infinity in {what}. {MEND}")


def label_set_of(classifier: Classifier, use: str = "scored") -> LabelSet:
    """The label set of a classifier's classes; `use` tells in the error what needs one.

    Raises:
        InputError: fewer than two of its classes are emotions of FER or FER+.
    """
    if (label_set := classifier.scheme.label_set) is not None:
        return label_set
    raise InputError(
        f"{classifier.id}: classes must be emotions of fer or ferplus to be {use} on faces; got "
        f"{', '.join(classifier.scheme.classes)}. Correct `classes` in its contract."
    )


def check_images(images: np.ndarray) -> None:
    """Refuse anything but float32 (N, H, W, C) in [0, 1].

    Raises:
        ValueError: wrong dtype, shape, range, or not finite.
    """
    if images.dtype != np.float32 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "`images` must be float32 of shape (N, H, W, C), C = 1 or 3. "
            f"Received: dtype={images.dtype}, shape={images.shape}"
        )
    if len(images) and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"`images` must be in [0, 1] and finite. Received: [{images.min()}, {images.max()}]. "
            "For 0-255 pixels divide by 255."
        )


def require_finite(model: str, images: ImageSource, answers: np.ndarray) -> None:
    """Refuse NaN and infinity among answers (N, K) to images (N, H, W, C).

    Raises:
        ModelError: says for how many images, and which is the first.
    """
    broken = np.flatnonzero(~np.isfinite(answers).all(axis=1))
    if len(broken):
        first = images[broken[0]]
        raise ModelError(
            f"{model} answered NaN or infinity for {len(broken)} of {len(images)} images, first in "
            f"row {broken[0]} (counted from 0; pixels from {first.min():g} to {first.max():g}). "
            f"{MEND}"
        )
