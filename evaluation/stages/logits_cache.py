"""A cache of logits: a resumed run need not classify the same images again.

Writes `answers/KEY.npz` of a run, one file per set and model, in a form with checksums.
"""

import hashlib
from pathlib import Path

import numpy as np

from attacks.sets.contents import CorruptedSet, TransferSet
from datasets.base.atomic import atomic
from datasets.base.errors import DAMAGED_ARRAYS
from datasets.base.npz import read_npz
from datasets.image_source import ImageSource
from evaluation.engines.orders import AnswerOrder
from fer_models.classifier import Classifier


class LogitsCache:
    """Logits of corrupted images and of transfer sets, which all models classify.

    Images attacked on the model itself are not cached: they are classified at every start.
    """

    def __init__(self, folder: Path) -> None:
        """Cache logits in a folder, which need not exist."""
        self._folder = folder

    def logits(self, classifier: Classifier, made: CorruptedSet | TransferSet) -> np.ndarray:
        """Return the logits of a set's images, from disk if they are cached.

        A damaged file is replaced.

        Returns:
            float32 (N, K) for N images; (N, S, K) where they have S severities.
        """
        found = self._cached(classifier, made)
        if found is None:
            found = self._keep(classifier, made, classifier.logits(_one_by_one(made)))
        return found

    def order(self, classifier: Classifier, made: CorruptedSet | TransferSet) -> AnswerOrder:
        """What an engine is asked for so that `logits` finds them."""
        source = f"{made.header.source} " if made.header.source else ""
        return AnswerOrder(
            name=f"{classifier.id} on {source}{made.header.spec.perturbation}",
            model=classifier.id,
            weights_sha256=classifier.weights_sha256,
            images=_one_by_one(made),
            missing=lambda: self._cached(classifier, made) is None,
            answered=lambda logits: self._keep(classifier, made, logits),
        )

    def _cached(
        self, classifier: Classifier, made: CorruptedSet | TransferSet
    ) -> np.ndarray | None:
        try:
            logits = read_npz(self._path(classifier, made))["logits"]
        except DAMAGED_ARRAYS:  # missing or damaged
            return None
        shape = _shape(classifier, made)
        return logits if logits.shape == shape and logits.dtype == np.float32 else None

    def _keep(
        self, classifier: Classifier, made: CorruptedSet | TransferSet, logits: np.ndarray
    ) -> np.ndarray:
        logits = logits.reshape(_shape(classifier, made))
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic(self._path(classifier, made)) as unfinished:
            np.savez(unfinished, logits=logits)
        return logits

    def _path(self, classifier: Classifier, made: CorruptedSet | TransferSet) -> Path:
        # by id too: two models of one run may share weights, and answer differently
        of_set = f"{made.header.source} {made.header.key}"
        identity = f"{of_set} {classifier.id} {classifier.weights_sha256}"
        return self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.npz"


def _one_by_one(made: CorruptedSet | TransferSet) -> ImageSource:
    """All images of a set, (M, H, W, C)."""
    return made.images.one_by_one() if isinstance(made, CorruptedSet) else made.images


def _shape(classifier: Classifier, made: CorruptedSet | TransferSet) -> tuple[int, ...]:
    return (*made.images.shape[:-3], classifier.scheme.num_classes)
