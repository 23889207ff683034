"""Export of an adversarial set: 8-bit image files and a csv of flags."""

from pathlib import Path

import numpy as np
import pandas as pd

from attacks.sets.contents import AdversarialSet
from attacks.threat_model import format_eps
from datasets.base.atomic import atomic
from datasets.faceset import Split
from datasets.folders import write_folders
from fer_models.classifier import Classifier


def write_images(
    made: AdversarialSet, classifier: Classifier, clean: np.ndarray, split: Split, directory: Path
) -> np.ndarray:
    """Write all faces at every eps as 8-bit images, `eps-4-255/SPLIT/CLASS/ROW.png`.

    Args:
        made: the set, N faces at E eps.
        classifier: the attacked model.
        clean: float32 (N, H, W, C), the clean images of the set's rows.
        split: split of the faces.
        directory: where the folders are written.

    Returns:
        bool (N, E): faces whose 8-bit copy is misclassified.
    """
    wrong = []
    for eps in made.spec.grid:
        images = np.rint(made.attacked(clean, eps) * 255).astype(np.uint8)
        folder = directory / f"eps-{format_eps(eps).replace('/', '-')}"
        write_folders(images, made.labels, classifier.scheme, made.row_ids, split, folder)
        predicted = classifier.predict(images.astype(np.float32) / np.float32(255))
        wrong.append(predicted != made.labels)
    return np.stack(wrong, axis=1)


def write_flags(made: AdversarialSet, survivors: np.ndarray, path: Path) -> None:
    """Write a csv with one row per face: label, smallest eps, and flags at every eps.

    Args:
        made: the set, N faces at E eps.
        survivors: bool (N, E), faces whose 8-bit copy is misclassified.
        path: path of the csv.
    """
    columns = {
        "row": made.row_ids,
        "label": [made.header.classes[label] for label in made.labels],
        "smallest_eps": made.smallest_eps,
    }
    for e, eps in enumerate(made.spec.grid):
        columns[f"wrong at {format_eps(eps)}"] = made.success[:, e]
        columns[f"wrong at {format_eps(eps)} after 8 bits"] = survivors[:, e]
    with atomic(path) as unfinished:
        pd.DataFrame(columns).to_csv(unfinished, index=False)
