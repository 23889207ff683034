"""All trainings of the zoo, the most useful first, within a budget of hours; stopped and continued.

A training is done when its card is shipped or is in its work folder. One that was begun continues
with the settings of its folder.
"""

import math
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras

from datasets.base.errors import InputError
from datasets.base.machine_errors import is_of_machine
from datasets.labels import LabelSet
from fer_models.architectures.registry import ARCHITECTURES
from fer_models.cards import CARDS, Card
from fer_models.classical.recipes import CLASSICAL
from fer_models.training.loop import read_history
from fer_models.training.rows import TrainingFaces
from fer_models.training.run import EpochLines, train
from fer_models.training.settings import TrainingRun, read_run

FIRST = (
    "vgg_small.fer",
    "vgg_small.ferplus",
    "mini_xception.fer",
    "mini_xception.ferplus",
    "simple_cnn.fer",
    "simple_cnn.ferplus",
    "xception.fer",
    "xception.ferplus",
    "mobilenet_v2.ferplus",
    "four_conv_cnn.fer",
    "plain_cnn.fer",
    "inception.fer",
    "hybrid.fer",
    "emotional_dan.fer",
    "dexpression.fer",
    "emopy_cnn.ferplus",
    "tflearn_cnn.fer",
    "vgg16_transfer.fer",
    *(f"{name}.fer" for name in CLASSICAL),
)
"""Most useful ids; every other architecture and label set follows in the order of the table."""


class QueueResult(NamedTuple):
    """Outcome of a queue.

    Attributes:
        failed: ids whose training failed.
        remaining: ids not finished when the budget was used up, each with its finished epochs.
    """

    failed: list[str]
    remaining: dict[str, int]


class BudgetOver(Exception):
    """Raised after the epoch in which the budget ended."""


def pending(folder: Path, label_sets: Sequence[LabelSet]) -> list[str]:
    """Ids neither shipped nor trained in `folder/ID`, the most useful first."""
    every = [f"{name}.{labels}" for name in (*ARCHITECTURES, *CLASSICAL) for labels in LabelSet]
    ordered = dict.fromkeys([*FIRST, *every])
    return [
        model_id
        for model_id in ordered
        if model_id in every
        and model_id.split(".")[1] in label_sets
        and not (CARDS / f"{model_id}.json").exists()
        and not (folder / model_id / "card.json").exists()
    ]


def train_all(
    folder: Path,
    faces: TrainingFaces,
    label_sets: Sequence[LabelSet],
    new_training: Callable[[str], TrainingRun],
    hours: float | None,
    on_card: Callable[[Card], None],
) -> QueueResult:
    """Train what is pending, each in `folder/ID`, until the time budget is used up.

    A training that fails is reported, and the queue continues; a disk that fails, or memory that
    runs out, ends it.

    Args:
        folder: folder of the work folders.
        faces: to learn from, and to choose epochs on.
        label_sets: label sets to train.
        new_training: id to the settings of a training that has not begun.
        hours: budget, None for no end; the running epoch is finished.
        on_card: called with the card of every finished training.
    """
    deadline = time.monotonic() + 3600 * hours if hours is not None else math.inf
    failed: list[str] = []
    queue = pending(folder, label_sets)
    while queue and time.monotonic() < deadline:
        work = folder / queue[0]
        try:
            training = _begun(work, faces) or new_training(queue[0])
            on_epoch = _Deadline(EpochLines(training.recipe.epochs), deadline)
            on_card(train(training, faces, work, on_epoch, resume=True))
        except BudgetOver:
            break
        except InputError as error:
            print(f"{queue[0]}: {error}", file=sys.stderr)
            failed.append(queue[0])
        except Exception as error:
            if is_of_machine(error):
                raise
            traceback.print_exc()
            print(f"{queue[0]}: failed as shown above; continuing with the next", file=sys.stderr)
            failed.append(queue[0])
        queue.pop(0)
        keras.backend.clear_session()
    remaining = {name: len(read_history(folder / name / "history.csv")) for name in queue}
    return QueueResult(failed, remaining)


def _begun(work: Path, faces: TrainingFaces) -> TrainingRun | None:
    """Settings of an interrupted training, None when there is none."""
    path = work / "settings.json"
    if not path.exists():
        return None
    training = read_run(path)
    held_out = training.held_out_sha256 and faces.held_out_sha256
    if (training.data_sha256, training.held_out_sha256) != (faces.training.sha256, held_out):
        older = ", or an older version held out other faces" if training.is_older else ""
        raise InputError(
            f"{path}: was begun with other data{older}. Give that, or name another --out."
        )
    return training


class _Deadline:
    """Passes every epoch's line on; ends the training after the epoch in which time ran out."""

    def __init__(self, on_epoch: Callable[[dict[str, float]], None], deadline: float) -> None:
        self._on_epoch, self._deadline = on_epoch, deadline

    def __call__(self, line: dict[str, float]) -> None:
        self._on_epoch(line)
        if time.monotonic() >= self._deadline:
            raise BudgetOver
