"""Transfer within a run: which models stand in for a black box, and who fools whom.

Lines of `transfer.parquet`, predicted from the stored images, and the check that no sibling's
images are stronger than white-box attacks (R13).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attacks.registry import ATTACKS
from attacks.store import TransferSet
from datasets.faceset import FaceSet
from datasets.labels import NO_LABEL, LabelSet
from evaluation.checks import BLACK_BOX_SHARE, Check, check
from evaluation.results import TRANSFER_COLUMNS, WORST_CASE
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.zoo import STARTER, load, model_ids, split_defences

MOST_SOURCES = 4
"""Models that stand in for a black box, at most."""


def stand_ins(
    target: Classifier, classifiers: Sequence[Classifier]
) -> list[DifferentiableClassifier]:
    """Models on which images for a black box are made, those with its classes first.

    The others of the run that give gradients, or the shipped starters when there are none. A
    defended target is not attacked through what it defends.
    """
    base = split_defences(target.id)[0]
    found = [
        classifier
        for classifier in classifiers
        if isinstance(classifier, DifferentiableClassifier)
        and split_defences(classifier.id)[0] != base
    ]
    if not found:
        starters = [name for name in model_ids() if name.split(".")[0] in STARTER]
        shipped = [load(name) for name in starters if name.endswith(f".{target.scheme.name}")]
        found = [each for each in shipped if isinstance(each, DifferentiableClassifier)]
    found.sort(key=lambda classifier: classifier.scheme != target.scheme)
    return found[:MOST_SOURCES]


def transfer_lines(
    made: TransferSet, faces: FaceSet, target: Classifier, clean: np.ndarray, logits: np.ndarray
) -> pd.DataFrame:
    """What a model says of images made on a model of the run, maybe itself.

    Args:
        made: N images.
        faces: the N clean ones.
        target: who is shown them.
        clean: its logits of the clean images, float32 (N, K).
        logits: its answers to those of the set, float32 (N, K).

    Returns:
        Columns of `TRANSFER_COLUMNS`; images without a label for the target are left out.
    """
    spec = made.header.spec
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


def join_transfers(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """All lines of a run, possibly none."""
    empty = pd.DataFrame(columns=list(TRANSFER_COLUMNS)).astype(TRANSFER_COLUMNS)
    return pd.concat(parts, ignore_index=True).astype(TRANSFER_COLUMNS) if parts else empty


def sibling_checks(transfers: pd.DataFrame, per_image: pd.DataFrame) -> list[Check]:
    """R13: images of no other model leave less of a model than its own white-box attacks.

    Args:
        transfers: lines of `transfer.parquet`.
        per_image: lines of `per_image.parquet`.
    """
    checks = []
    own = per_image[(per_image.attacked_labels != "") & (per_image.source == per_image.model)]
    own = own[own.perturbation.map(lambda name: ATTACKS[name].needs_gradients).astype(bool)]
    given = dict(iter(own.groupby(["model", "attacked_labels"], sort=False)))
    sources = set(transfers.source)
    for (model, label_set), lines in transfers.groupby(["model", "attacked_labels"], sort=False):
        lines = lines[lines.source != model]
        if model not in sources or (model, label_set) not in given or lines.empty:
            continue  # a black box, or nothing to compare
        white = given[model, label_set]
        fell = (white.smallest_eps <= lines.eps.iloc[0]).groupby(white.row).any()
        lines = lines[lines.row.isin(fell.index)]
        if lines.empty:
            continue
        gaps = {source: _gap(part, fell) for source, part in lines.groupby("source", sort=False)}
        source, gap = max(gaps.items(), key=lambda item: item[1])
        words = "No image made on another model is stronger than the attacks on this one."
        flagged = gap > BLACK_BOX_SHARE
        if flagged:
            words = (
                f"Images made on {source} leave {100 * gap:.1f} points less than attacks on the "
                "model itself: its gradients mislead, and robust accuracy is overstated."
            )
        checks.append(
            check(
                str(model), "R13", "transfer from a sibling", flagged, gap, BLACK_BOX_SHARE, words,
                attacked_labels=str(label_set), perturbation=WORST_CASE,
            )
        )  # fmt: skip
    return checks


def _gap(lines: pd.DataFrame, fell: pd.Series) -> float:
    """Robust accuracy under white-box attacks minus that under transfer, on the same images."""
    stood = (lines.clean_prediction == lines.label) & (lines.prediction == lines.label)
    white = ~fell.loc[lines.row].to_numpy(bool)
    return float(white.mean() - stood.mean())
