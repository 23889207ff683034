"""Rows to learn from and to select on: a data source's faces with their target distributions.

Training and PublicTest only; the loader refuses the splits that are kept for the final figure.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import SCHEMES, LabelSet
from datasets.read import open_source
from datasets.votes import VoteRule, vote_targets
from fer_models.training.loop import TrainingRows


class TrainingFaces(NamedTuple):
    """What a training reads: Training to learn from, PublicTest to choose the best epoch."""

    training: FaceSet
    validation: FaceSet


def read_training_faces(data: Path, votes: Path | None) -> TrainingFaces:
    """Read both splits.

    Raises:
        InputError: anything wrong with the files, in one line.
    """
    source = open_source(data, votes)
    return TrainingFaces(
        source.faces(Split.TRAINING, for_training=True),
        source.faces(Split.PUBLIC_TEST, for_training=True),
    )


def labelled_rows(faces: FaceSet, labels: LabelSet, rule: VoteRule, both: bool) -> TrainingRows:
    """Rows that have a label, with their target distribution.

    Args:
        faces: one split.
        labels: label set to learn.
        rule: FER+ rule behind the targets.
        both: also give the targets under the other label set.

    Raises:
        InputError: the faces carry no such labels, or none of them has one.
    """
    targets = _targets(faces, labels, rule)
    other = LabelSet.FER if labels is LabelSet.FERPLUS else LabelSet.FERPLUS
    kept = targets.any(axis=1)
    if not kept.any():
        raise InputError(
            f"{faces.name} {faces.split}: expected faces with {labels} labels, found none among "
            f"{len(faces)}. Give other --votes, or learn the other labels."
        )
    other_targets = _targets(faces, other, VoteRule.CROSS_ENTROPY) if both else targets[:, :0]
    return TrainingRows(faces.images[kept], targets[kept], other_targets[kept])


def _targets(faces: FaceSet, labels: LabelSet, rule: VoteRule) -> np.ndarray:
    """float32 (N, K); zero where the rule gives a row no label."""
    if labels not in faces.label_sets:
        raise InputError(f"--labels {labels} needs such labels, but {faces.name} has none: --votes")
    if labels is LabelSet.FERPLUS and faces.votes is not None:
        return vote_targets(faces.votes, rule)
    one_hot = np.eye(SCHEMES[labels].num_classes, dtype=np.float32)
    return one_hot[faces.labels(labels).values]
