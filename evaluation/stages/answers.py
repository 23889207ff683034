"""What models answer to images that all of them are shown, kept so that a killed run goes on soon.

Writes `answers/KEY.npy` of a run, a file a set and model.
"""

import hashlib
from pathlib import Path

import numpy as np

from attacks.sets.contents import CorruptedSet, TransferSet
from datasets.base.atomic import atomic
from fer_models.classifier import Classifier


class Answers:
    """Answers to corrupted images, and to those made on other models.

    To images attacked on the model itself it answers again at each start.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder, which need not exist."""
        self._folder = folder

    def logits(self, classifier: Classifier, made: CorruptedSet | TransferSet) -> np.ndarray:
        """Logits of a set's images, from disk where an earlier start left them.

        A file that is damaged is written again.

        Returns:
            float32 (N, K) for N images; (N, S, K) where they have S severities.
        """
        identity = f"{made.header.key} {classifier.weights_sha256}"
        path = self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.npy"
        *places, height, width, channels = made.images.shape
        shape = (*places, classifier.scheme.num_classes)
        try:
            logits = np.load(path, allow_pickle=False)
            if logits.shape == shape and logits.dtype == np.float32:
                return logits
        except (OSError, ValueError, EOFError):  # not there, or damaged
            pass
        images = made.images.reshape(-1, height, width, channels)
        logits = classifier.logits(images).reshape(shape)
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic(path) as unfinished:
            np.save(unfinished, logits)
        return logits
