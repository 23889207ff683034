"""Faces to learn from and to select on, with their target distributions.

A tenth of the faces is held out to choose epochs and recipes; with `--final` nothing is held out
and nothing is chosen. No other split is read: what reports show was never selected on.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from datasets.base.errors import InputError
from datasets.data_options import DataOptions
from datasets.faceset import FaceSet, Split
from datasets.labels import SCHEMES, LabelSet
from datasets.near_duplicates import first_near
from datasets.votes import VoteRule, vote_targets
from faces.labelled import open_faces
from fer_models.training.batches import TrainingRows

LEARNABLE = (Split.TRAINING, Split.SAMPLE)
HELD_OUT = 10
"""One face in this many is held out."""


class TrainingFaces(NamedTuple):
    """What a training reads: faces to learn from, and faces to choose the epoch on, if any."""

    training: FaceSet
    validation: FaceSet | None

    @property
    def held_out_sha256(self) -> str:
        """Identity of the faces to choose the epoch on; empty if there are none."""
        return "" if self.validation is None else self.validation.sha256


def read_training_faces(
    options: DataOptions, split: Split = Split.TRAINING, final: bool = False
) -> TrainingFaces:
    """Read the faces to learn from.

    Args:
        options: where the faces are, and how they are read.
        split: Training or Sample.
        final: learn from all faces; nothing is held out.

    Raises:
        InputError: anything wrong with the files, or another split, in one line.
    """
    if split not in LEARNABLE:
        raise InputError(
            f"--split must be {' or '.join(LEARNABLE)} for training; got {split}. Other splits are "
            "kept for reports."
        )
    faces = open_faces(options).faces(split)
    if final:
        return TrainingFaces(faces, None)
    held_out = held_out_tenth(faces.images)
    if held_out.all():
        raise InputError(
            f"{faces.name} {split}: expected at least two faces that are no near duplicates, of "
            f"which one is held out; found {len(faces)} of one photograph. Give more faces, or add "
            "--final."
        )
    return TrainingFaces(faces.take(~held_out), faces.take(held_out))


def held_out_tenth(images: np.ndarray) -> np.ndarray:
    """The faces on which epochs and recipes are chosen, bool (N,).

    Groups of near duplicates, in the order of the smallest sha256 of their faces, as long as they
    fit into a tenth of all: a face is held out whatever the order of the file, in every training,
    and never where its photograph is learnt from. If no group fits, the smallest is held out.

    Args:
        images: uint8 (N, H, W, C).
    """
    digests = np.array([hashlib.sha256(image.tobytes()).digest() for image in images], dtype="S32")
    _, group = np.unique(first_near(images), return_inverse=True)
    sizes, by_hash = np.bincount(group), list(dict.fromkeys(group[np.argsort(digests)].tolist()))
    room, chosen = max(len(images) // HELD_OUT, 1), list[int]()
    for number in by_hash:
        if sizes[number] <= room:
            chosen.append(number)
            room -= sizes[number]
    return np.isin(group, chosen or sorted(by_hash, key=sizes.__getitem__)[:1])


def labelled_rows(faces: FaceSet, labels: LabelSet, rule: VoteRule, both: bool) -> TrainingRows:
    """Rows that have a label, with their target distribution.

    Args:
        faces: one split, or a part of it.
        labels: label set to learn.
        rule: FER+ rule behind the targets.
        both: also return the targets under the other label set.

    Raises:
        InputError: the faces carry no such labels, or none of them has one.
    """
    targets = _targets(faces, labels, rule)
    other = LabelSet.FER if labels is LabelSet.FERPLUS else LabelSet.FERPLUS
    kept = targets.any(axis=1)
    if not kept.any():
        raise InputError(
            f"{faces.name} {faces.split}: expected faces with {labels} labels, found none among "
            f"{len(faces)}. Give other votes or more faces, or learn the other labels."
        )
    if both and other not in faces.label_sets:
        votes = ", or add --votes FILE" if other is LabelSet.FERPLUS else ""
        raise InputError(
            f"--other-labels above 0 learns {other} labels beside {labels}; {faces.name} has none. "
            f"Give --other-labels 0{votes}."
        )
    other_targets = _targets(faces, other, VoteRule.CROSS_ENTROPY) if both else targets[:, :0]
    return TrainingRows(faces.images[kept], targets[kept], other_targets[kept])


def _targets(faces: FaceSet, labels: LabelSet, rule: VoteRule) -> np.ndarray:
    """float32 (N, K); zero where the rule gives a row no label."""
    if labels not in faces.label_sets:
        votes = "Give --votes FILE, or" if labels is LabelSet.FERPLUS else "Give"
        raise InputError(
            f"--labels {labels} needs such labels, but {faces.name} has none. {votes} --labels "
            f"{faces.label_sets[0]}."
        )
    if labels is LabelSet.FERPLUS and faces.votes is not None:
        return vote_targets(faces.votes, rule)
    one_hot = np.eye(SCHEMES[labels].num_classes, dtype=np.float32)
    return one_hot[faces.labels(labels).values]
