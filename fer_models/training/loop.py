"""The training loop: any architecture, on any Keras backend, resumable after a kill.

Writes into the work folder: `checkpoint.keras` (weights and optimizer after the last whole epoch),
`history.csv` (one row per epoch), `best.npz` (weights of the best epoch so far; without validation
rows, of the last one). Epochs are chosen on the validation rows it is given; it loads no data.
"""

import csv
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from datasets.base.atomic import atomic
from datasets.base.errors import InputError, words_of
from fer_models.classifier import ModelError
from fer_models.recipe import Recipe, Schedule
from fer_models.training.averaging import averaged
from fer_models.training.batches import AugmentedBatches, Batch, TrainingRows
from fer_models.training.fused_normalization import with_fused_normalization
from fer_models.training.second_head import (
    LabelSetAccuracy,
    LabelSetsLoss,
    with_second_head,
    without_second_head,
)
from fer_models.training.teacher import Teacher
from fer_models.weights import save_weights

HISTORY_COLUMNS = ("epoch", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy")
ROBUST_COLUMN = "val_robust_accuracy"
"""A further column when a training has an adversary; it then chooses the best epoch. Without
validation rows the columns `val_*` are missing."""
STATISTICS_BATCHES = 32
"""Training batches on which the statistics of averaged weights are estimated."""


class Adversary(Protocol):
    """What makes a training adversarial (`attacks/adversarial_training/adversary.py`)."""

    def attack(self, batch: Batch, epoch: float, rng: np.random.Generator) -> Batch:
        """What to learn from instead of a batch, after that many epochs (a fraction included)."""

    def moved_weights(self, model: keras.Model, batch: Batch) -> AbstractContextManager[None]:
        """Weights to learn a batch at, instead of the model's, while this lasts."""

    def robust_accuracy(self, images: np.ndarray, targets: np.ndarray) -> float:
        """Accuracy on attacked images; of uint8 (N, H, W, C) and float32 (N, K)."""


def learning_rate(recipe: Recipe, history: list[dict[str, float]]) -> float:
    """Rate of the next epoch, a pure function of the epochs done so far."""
    if recipe.schedule is Schedule.PLATEAU:
        rate, best, stale = recipe.learning_rate, -1.0, 0
        for line in history:
            best, stale = (score(line), 0) if score(line) > best else (best, stale + 1)
            if stale == recipe.plateau_patience:
                rate, stale = 0.3 * rate, 0
        return rate
    if not history and recipe.epochs > 1:
        return 0.2 * recipe.learning_rate
    done = (len(history) - 1) / max(1, recipe.epochs - 1)
    return recipe.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * max(0.0, done))))


def should_stop(recipe: Recipe, history: list[dict[str, float]], final: bool = False) -> bool:
    """Whether the epochs are used up or the last `early_stopping` brought nothing better.

    A final training has nothing to judge by, and stops after exactly `epochs`.
    """
    if final or len(history) >= recipe.epochs:
        return len(history) >= recipe.epochs
    return bool(history) and len(history) - best_epoch(history) >= recipe.early_stopping


def score(line: dict[str, float]) -> float:
    """What an epoch is judged by: accuracy on attacked images if there is an adversary."""
    return line.get(ROBUST_COLUMN, line["val_accuracy"])


def best_epoch(history: list[dict[str, float]]) -> int:
    """Number of the first epoch with the highest score, counted from 1."""
    return 1 + int(np.argmax([score(line) for line in history]))


def fit(
    build: Callable[[], keras.Model],
    recipe: Recipe,
    train: TrainingRows,
    validation: TrainingRows | None,
    work: Path,
    seed: int,
    on_epoch: Callable[[dict[str, float]], None],
    adversary: Callable[[keras.Model], Adversary] | None = None,
    teacher: Teacher | None = None,
) -> list[dict[str, float]]:
    """Train until the recipe says stop; continue from `work` when it holds a checkpoint.

    Args:
        build: makes the untrained model under the current precision policy.
        recipe: hyper-parameters.
        train: rows to learn from.
        validation: rows on which the best epoch is chosen; None keeps the last one.
        work: folder of checkpoint, history and chosen weights.
        seed: seed of weights, order, augmentation and dropout.
        on_epoch: called with the history row of every finished epoch.
        adversary: makes the adversary of a classifier (images in [0, 1] to logits); None trains
            on clean images.
        teacher: its probabilities become part of the targets.

    Returns:
        One dict per epoch with the keys `HISTORY_COLUMNS`, and `ROBUST_COLUMN` with an adversary.

    Raises:
        InputError: the training diverges; checkpoint and best weights are of the epoch before.
    """
    work.mkdir(parents=True, exist_ok=True)
    checkpoint = work / "checkpoint.keras"
    history = read_history(work / "history.csv") if checkpoint.exists() else []
    keras.utils.set_random_seed(seed)
    model = (
        keras.models.load_model(checkpoint)
        if history
        else _compiled(with_second_head(build(), train.other_targets.shape[1]), recipe)
    )
    classifier = without_second_head(model)
    opponent = adversary(classifier) if adversary else None
    while not should_stop(recipe, history, final=validation is None):
        epoch = len(history)
        rate = learning_rate(recipe, history)
        model.optimizer.learning_rate = rate
        batches = AugmentedBatches(train, recipe, seed, epoch, teacher)
        line = {"epoch": epoch + 1, "learning_rate": rate}
        with _divergence_told(line):
            line |= _learn(model, batches, opponent)
            part = min(len(batches), STATISTICS_BATCHES)
            seen = (_attacked(batches[i], batches, i, opponent)[0] for i in range(part))
            with averaged(model, seen):
                if validation is not None:
                    line |= _judge(model, validation, opponent)
                _require_finite(model, line)
                if validation is None or score(line) > max(map(score, history), default=-1.0):
                    save_weights(classifier, work / "best.npz")
        history.append(line)
        _save_checkpoint(model, history, work)
        on_epoch(line)
    return history


@contextmanager
def _divergence_told(line: dict[str, float]) -> Iterator[None]:
    """Where an adversary meets NaN, say that the training has diverged in this epoch."""
    try:
        yield
    except ModelError as error:
        raise _diverged(line) from error


def _require_finite(model: keras.Model, line: dict[str, float]) -> None:
    """Refuse NaN and infinity in a history line and in the weights.

    Raises:
        InputError: there is one.
    """
    numbers = [np.array([*line.values()]), *model.get_weights()]
    if not all(np.isfinite(each).all() for each in numbers):
        raise _diverged(line)


def _diverged(line: dict[str, float]) -> InputError:
    return InputError(
        f"loss and weights must stay finite; epoch {line['epoch']:.0f}, at learning rate "
        f"{line['learning_rate']:g}, made them NaN or infinite. Lower --learning-rate, and name "
        "another --out."
    )


def _learn(
    model: keras.Model, batches: AugmentedBatches, opponent: Adversary | None
) -> dict[str, float]:
    """One epoch, ended by a loss that is not finite; mean loss and accuracy of its batches."""
    seen = []
    for index, augmented in enumerate(batches):
        batch = _attacked(augmented, batches, index, opponent)
        with opponent.moved_weights(model, batch) if opponent else nullcontext():
            logs = model.train_on_batch(*batch, return_dict=True)
        seen.append((logs["loss"], logs["accuracy"]))
        if not np.isfinite(logs["loss"]):
            break
    loss, accuracy = np.mean(seen, axis=0)
    return {"loss": float(loss), "accuracy": float(accuracy)}


def _attacked(
    batch: Batch, batches: AugmentedBatches, index: int, opponent: Adversary | None
) -> Batch:
    """What the net learns from: an augmented batch, attacked if there is an adversary."""
    if opponent is None:
        return batch
    rng = np.random.default_rng((*batches.key, index, 1))
    return opponent.attack(batch, batches.key[1] + index / len(batches), rng)


def _judge(
    model: keras.Model, validation: TrainingRows, opponent: Adversary | None
) -> dict[str, float]:
    """The validation columns of a history line."""
    images = validation.images.astype(np.float32) / 255.0
    loss, accuracy = model.evaluate(images, validation.all_targets, batch_size=256, verbose=0)
    found = {"val_loss": loss, "val_accuracy": accuracy}
    if opponent:
        found[ROBUST_COLUMN] = opponent.robust_accuracy(validation.images, validation.targets)
    return found


def _compiled(model: keras.Model, recipe: Recipe) -> keras.Model:
    model = with_fused_normalization(model)
    optimizer = keras.optimizers.AdamW(
        recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        use_ema=recipe.averaging > 0,
        ema_momentum=recipe.averaging,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    num_classes = without_second_head(model).output_shape[-1]
    model.compile(
        optimizer=optimizer,
        loss=LabelSetsLoss(num_classes, recipe.label_smoothing, recipe.other_labels),
        weighted_metrics=[LabelSetAccuracy(num_classes)],
    )
    return model


def _save_checkpoint(model: keras.Model, history: list[dict[str, float]], work: Path) -> None:
    """Checkpoint first: a kill between the two files trains an epoch twice, never skips one."""
    with atomic(work / "checkpoint.keras") as unfinished:
        model.save(unfinished)
    with atomic(work / "history.csv") as unfinished, open(unfinished, "w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def read_history(path: Path) -> list[dict[str, float]]:
    """Rows of `history.csv`, one dict per epoch; empty when the file does not exist.

    Raises:
        InputError: it is damaged.
    """
    if not path.exists():
        return []
    try:
        with open(path, newline="") as file:
            lines = list(csv.DictReader(file))
        return [{key: float(value) for key, value in line.items()} for line in lines]
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise InputError(
            f"{path}: expected a row of numbers per epoch, found {words_of(error)}. Name another "
            "--out."
        ) from error
