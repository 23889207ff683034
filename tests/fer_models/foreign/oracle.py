"""A model that knows which face it sees, in which view and under which scaling.

Every face is the same 64 grey levels in another order, so black and white of a batch are its
smallest and largest value, and equalising or stretching changes nothing.
"""

from collections.abc import Callable

import numpy as np

from datasets.labels import FER7, LabelScheme
from fer_models.foreign.contract_file import NOTHING_KNOWN, PartialContract
from fer_models.foreign.contract_probe import probe
from fer_models.foreign.probe_report import Finding
from fer_models.foreign.raw_model import RawModel

LEVELS = np.round(np.arange(64) * 255 / 63).astype(np.uint8)
Right = Callable[[float, float, np.ndarray, np.ndarray], np.ndarray]
"""Black and white of the inputs, ids of faces (N,), whether mirrored (N,): is each one right?"""
ORDER = np.array([3, 1, 0, 2, 6, 5, 4])
"""Output of each class."""
CLASSES_OF_ORDER = ("fear", "disgust", "happy", "angry", "neutral", "surprise", "sad")


def faces(count: int = 140, classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, 8, 8, 1) and int64 (N,), all classes alike."""
    rng = np.random.default_rng(0)
    images = np.stack([rng.permutation(LEVELS) for _ in range(count)]).reshape(count, 8, 8, 1)
    return images, np.arange(count) % classes


class Oracle:
    """Answers with the label's output where `right` says so, else with one of the others.

    Attributes:
        raw: the model as it would be opened.
        seen: ids of all faces that it was asked about, in order.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        right: Right,
        order: np.ndarray | None = None,
    ) -> None:
        self._labels, self._right = labels, right
        self._order = np.arange(labels.max() + 1) if order is None else np.asarray(order)
        self._places = {
            self._key(image): (row, mirrored)
            for mirrored in (True, False)
            for row, image in enumerate(images[:, :, ::-1] if mirrored else images)
        }
        self.seen: list[int] = []
        self.raw = RawModel("oracle", self._call, (8, 8, 1), None, "0")

    @staticmethod
    def _key(image: np.ndarray) -> bytes:
        return image.ravel().argsort().astype(np.uint8).tobytes()

    def _call(self, inputs: np.ndarray) -> np.ndarray:
        found = [self._places.get(self._key(image)) for image in inputs]
        count = len(self._order)
        if any(place is None for place in found):  # no face: a question before the faces
            return np.linspace(-1, 1, len(inputs) * count).reshape(len(inputs), count)
        rows, mirrored = (np.array(each) for each in zip(*found))
        self.seen += rows.tolist()
        right = self._right(float(inputs.min()), float(inputs.max()), rows, mirrored)
        wrong_by = 1 + rows // count % (count - 1)  # all other outputs alike
        answers = (self._labels[rows] + np.where(right, 0, wrong_by)) % count
        return 4.0 * np.eye(count)[self._order[answers]]


def best_under(low: float, high: float, *, others_miss: int, miss: int = 30) -> Right:
    """Right but for `miss` faces under one scaling; other scalings miss `others_miss` more."""

    def right(black: float, white: float, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        fits = np.allclose((black, white), (low, high), atol=0.01)
        return np.asarray(rows >= miss + (0 if fits else others_miss))

    return right


def asked(
    right: Right,
    known: PartialContract = NOTHING_KNOWN,
    *,
    errors: float = 2,
    scheme: LabelScheme = FER7,
    lines: list[str] | None = None,
) -> Finding:
    """What the probe finds on 140 faces."""
    images, labels = faces(classes=scheme.num_classes)
    order = ORDER if scheme is FER7 else np.arange(scheme.num_classes)
    raw = Oracle(images, labels, right, order).raw
    pixels = images.astype(np.float32) / np.float32(255)
    told = [] if lines is None else lines
    return probe(raw, pixels, labels, scheme, known, told.append, errors)
