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
        identity = f"{made.header.key} {classifier.weights_sha256}"
        path = self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.npz"
        shape = (*made.images.shape[:-3], classifier.scheme.num_classes)
        try:
            logits = read_npz(path)["logits"]
            if logits.shape == shape and logits.dtype == np.float32:
                return logits
        except DAMAGED_ARRAYS:  # missing or damaged
            pass
        images = made.images.one_by_one() if isinstance(made, CorruptedSet) else made.images
        logits = classifier.logits(images).reshape(shape)
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic(path) as unfinished:
            np.savez(unfinished, logits=logits)
        return logits
