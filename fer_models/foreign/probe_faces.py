"""Probe a model on the labelled faces of a data set, balanced over classes."""

from collections.abc import Callable

import numpy as np

from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import LabelSet
from fer_models.foreign.contract_file import NOTHING_KNOWN, PartialContract
from fer_models.foreign.contract_probe import probe
from fer_models.foreign.probe_report import Finding
from fer_models.foreign.probe_trial import CLEARLY
from fer_models.foreign.raw_model import RawModel
from fer_models.foreign.size_and_classes import scheme_of, with_size

FACES = 400
"""Faces used by a probe."""


def probe_on(
    raw: RawModel,
    faces: FaceSet,
    count: int = FACES,
    known: PartialContract = NOTHING_KNOWN,
    tell: Callable[[str], object] = lambda _: None,
    errors: float = CLEARLY,
) -> tuple[Finding, list[str]]:
    """Find the contract on labelled faces, balanced over classes.

    Args:
        raw: the opened model.
        faces: labelled under the label set of the model's classes, of which the contract may name
            some that the labels lack.
        count: number of faces.
        known: what the model's contract says already.
        tell: called with the time estimate and the progress, as lines of text.
        errors: standard errors by which the best scaling must be better than the others.

    Returns:
        What was found, and the same as lines of text.

    Raises:
        InputError: the order is unknown and the faces lack these labels, or scaling or class order
            cannot be told.
    """
    known = with_size(raw, known, tell)
    scheme = scheme_of(raw, known)
    label_set = LabelSet(str(scheme.label_set))
    if label_set not in faces.label_sets:
        if known.classes is None:
            raise InputError(
                f"{raw.name}: its {scheme.num_classes} outputs are taken for the classes of "
                f"{label_set} ({', '.join(scheme.classes)}), and {faces.name} has no {label_set} "
                'labels to find their order by. Write a contract that names its "classes" in the '
                "order of its outputs."
            )
        label_set = faces.label_sets[0]
    faces = faces.take(faces.groups == faces.row_ids)  # of near duplicates the first
    labels = faces.labels(label_set).to(scheme).values
    rows = balanced_rows(labels, count, scheme.num_classes)
    images = faces.images[rows].astype(np.float32) / np.float32(255)
    found = probe(raw, images, labels[rows], scheme, known, tell, errors)
    return found, found.lines(raw, scheme, named=known.classes is not None)


def balanced_rows(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    """About `count` rows, balanced over classes as far as there are enough."""
    rng = np.random.default_rng(0)
    each = -(-count // classes)
    rows = [rng.permutation(np.flatnonzero(labels == k))[:each] for k in range(classes)]
    return np.sort(np.concatenate(rows))
