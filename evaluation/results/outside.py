"""Attacks from outside that `evaluation.verify` confirmed against a run's models.

Reads and writes `outside/NAME.parquet` of a run (`OUTSIDE_COLUMNS`), one row per confirmed image.
Not here: the figures (`evaluation/figures/best_known.py`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from datasets.base.errors import InputError
from datasets.labels import SCHEMES, LabelSet, translate
from evaluation.results.files import read_table, write_table
from evaluation.results.image_rows import Kind
from evaluation.results.run import FinishedRun
from evaluation.results.schema import OUTSIDE_COLUMNS

if TYPE_CHECKING:
    from fer_models.classifier import Classifier

FOLDER = "outside"


def read_outside(folder: Path) -> pd.DataFrame:
    """All confirmed images of a run folder; empty when none were added."""
    files = sorted((folder / FOLDER).glob("[!.]*.parquet"))  # not a killed command's unfinished one
    empty = pd.DataFrame(columns=list(OUTSIDE_COLUMNS)).astype(OUTSIDE_COLUMNS)
    return pd.concat([empty, *(read_table(file, OUTSIDE_COLUMNS) for file in files)])


def measured_as(run: FinishedRun, classifier: "Classifier") -> str:
    """Id of the model of a run with the weights of a classifier, its own id before others.

    Raises:
        InputError: the run holds no such model.
    """
    models = run.manifest["models"]
    same = [m for m in models if models[m]["weights_sha256"] == classifier.weights_sha256]
    if not same:
        raise InputError(
            f"{run.folder}: expected a run of {classifier.id} with these weights, found "
            f"{', '.join(models)}. Name the run that attacked it."
        )
    return classifier.id if classifier.id in same else same[0]


def keep_outside(
    run: FinishedRun,
    name: str,
    classifier: "Classifier",
    attacked_labels: str,
    norm: str,
    rows: np.ndarray,
    pixels: np.ndarray,
    labels: np.ndarray,
    sizes: np.ndarray,
) -> int:
    """Store confirmed images in a run folder, so that its best-known figures count them.

    Args:
        run: finished.
        name: name of the set and model; images stored under that name are replaced.
        classifier: model that the images fool.
        attacked_labels: `fer` or `ferplus`.
        norm: norm in which `sizes` are measured.
        rows: int64 (N,), row numbers in the data source.
        pixels: int64 (N,), `FaceSet.pixel_hashes` of these faces.
        labels: int64 (N,), true classes of the classifier.
        sizes: float64 (N,), norm of each perturbation; NaN where the claim was not confirmed.

    Returns:
        Number of images whose faces the run attacked.

    Raises:
        InputError: the run holds no such model, labels or norm, labels a face differently, or
            measured other pixels of it.
    """
    model = measured_as(run, classifier)
    if norm != run.config.norm or attacked_labels not in list(run.config.labels):
        raise InputError(
            f"{run.folder}: expected a run that attacks {attacked_labels} labels in {norm}, found "
            f"{', '.join(run.config.labels)} in {run.config.norm}."
        )
    attacked = run.images.pick(
        ["row", "attacked_labels", "norm", attacked_labels], model=model, kinds=[Kind.ATTACKED]
    )
    attacked = attacked[(attacked.attacked_labels == attacked_labels) & (attacked.norm == norm)]
    label_set = LabelSet(attacked_labels)
    truth = translate(
        attacked[label_set].to_numpy(np.int64), SCHEMES[label_set], run.schemes[model]
    )
    of_row = dict(zip(attacked.row.tolist(), truth.tolist(), strict=True))
    classes = classifier.scheme.classes
    for row, label in zip(rows.tolist(), labels.tolist(), strict=True):
        if of_row.get(row, label) != label:
            raise InputError(
                f"{name}: row {row} is labelled {classes[label]}, in the run it is "
                f"{classes[of_row[row]]}. Check the class order and the {attacked_labels} labels."
            )
    measured = run.images.faces.set_index("row").pixels.dropna()
    for row, found in zip(rows.tolist(), pixels.tolist(), strict=True):
        if measured.get(row, found) != found:
            raise InputError(
                f"{name}: row {row} has other pixels than the face that {run.folder} measured. "
                "Give the --data, --split and other options of that run."
            )
    held = ~np.isnan(sizes) & np.isin(rows, list(of_row))
    frame = pd.DataFrame({"row": rows[held], "size": sizes[held]})
    frame = frame.assign(model=model, attacked_labels=attacked_labels, norm=norm)
    (run.folder / FOLDER).mkdir(exist_ok=True)
    write_table(frame, OUTSIDE_COLUMNS, run.folder / FOLDER / f"{name}.parquet")
    return len(frame)
