"""Transfer within a run: the surrogates of a black box, and the transfer matrix.

Rows of `transfer.parquet` (`evaluation/results/transfer_rows.py`) are predicted from the stored
images. Not here: the check that no other model's images are stronger than white-box attacks (R13),
in `evaluation/checks/sibling.py`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attacks.sets.contents import TransferSet
from datasets.faceset import FaceSet
from datasets.labels import NO_LABEL, LabelSet
from evaluation.results.schema import TRANSFER_COLUMNS
from fer_models.classifier import Classifier, DifferentiableClassifier, label_set_of
from fer_models.wrapped_classifier import innermost
from fer_models.zoo import STARTER, load, model_ids

MOST_SOURCES = 4
"""Largest number of surrogates of a black box."""


def surrogates(
    target: Classifier, classifiers: Sequence[Classifier]
) -> list[DifferentiableClassifier]:
    """Return the models on which images for a black box are made, those with its classes first.

    They are the other models of the run that give gradients, or the shipped starters if there are
    none. A defended target is not attacked through the model it defends, which its weights tell:
    an id may contain a `+` of its own.
    """
    own = _weights_behind(target)
    found = [
        classifier
        for classifier in classifiers
        if isinstance(classifier, DifferentiableClassifier) and _weights_behind(classifier) != own
    ]
    if not found:
        starters = [name for name in model_ids() if name.split(".")[0] in STARTER]
        shipped = [load(name) for name in starters if name.endswith(f".{label_set_of(target)}")]
        found = [each for each in shipped if isinstance(each, DifferentiableClassifier)]
    found.sort(key=lambda classifier: classifier.scheme != target.scheme)
    return found[:MOST_SOURCES]


def _weights_behind(classifier: Classifier) -> str:
    """Identity of the weights behind all defences."""
    inner = innermost(classifier)
    return inner.weights_sha256 or inner.id


def transfer_rows(
    made: TransferSet, faces: FaceSet, target: Classifier, clean: np.ndarray, logits: np.ndarray
) -> pd.DataFrame:
    """Return a model's predictions for images made on a model of the run, possibly itself.

    Args:
        made: N images.
        faces: the N clean ones.
        target: the model that classifies.
        clean: its logits of the clean images, float32 (N, K).
        logits: its logits of the set's images, float32 (N, K).

    Returns:
        Columns of `TRANSFER_COLUMNS`; images without a label for the target are left out.
    """
    spec = made.spec
    labels = faces.labels(LabelSet(spec.attacked_labels)).to(target.scheme).values
    kept = np.flatnonzero(labels != NO_LABEL)
    columns = {
        "row": made.row_ids[kept],
        "source": made.header.source,
        "model": target.id,
        "attacked_labels": spec.attacked_labels,
        "perturbation": spec.perturbation,
        "norm": str(spec.norm),
        "eps": spec.grid[0],
        "label": labels[kept],
        "clean_prediction": clean[kept].argmax(axis=1),
        "prediction": logits[kept].argmax(axis=1),
    }
    return pd.DataFrame(columns, columns=list(TRANSFER_COLUMNS)).astype(TRANSFER_COLUMNS)
