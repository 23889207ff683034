"""`python -m fer_models.train NAME --labels fer|ferplus --data DIR`: train a classifier.

Writes into `--out` (default `training/NAME.LABELS`): `checkpoint.keras`, `history.csv`,
`history.png`, `weights.npz`, `card.json`. `--models FOLDER` of the other commands takes it.
"""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datasets.commands import run
from datasets.errors import InputError
from datasets.labels import SCHEMES, LabelSet
from datasets.votes import VoteRule
from fer_models.recipe import Precision, Recipe, Schedule

if TYPE_CHECKING:
    import keras
    import numpy as np

    from datasets.faceset import FaceSet
    from fer_models.cards import Card
    from fer_models.training import TrainingRows

Option = typer.Option


def main(
    name: Annotated[str, typer.Argument(help="Architecture, such as simple_cnn.")],
    labels: Annotated[LabelSet, Option(help="Labels to learn; FER+ learns the vote shares.")],
    data: Annotated[Path, Option(help="FER2013 as csv, archive or folder.")],
    votes: Annotated[Path | None, Option(help="FER+ votes when they lie elsewhere.")] = None,
    out: Annotated[Path | None, Option(help="Work folder.")] = None,
    resume: Annotated[bool, Option("--resume", help="Continue a training that was cut.")] = False,
    seed: Annotated[int, Option(help="Of weights, order and augmentation.")] = 0,
    precision: Annotated[
        Precision, Option(help="mixed_bfloat16 is about twice as fast where the CPU has it.")
    ] = Precision.FLOAT32,
    vote_rule: Annotated[
        VoteRule, Option(help="FER+ rule behind the training targets.")
    ] = VoteRule.CROSS_ENTROPY,
    epochs: Annotated[int | None, Option(min=1, help="Instead of the recipe's.")] = None,
    batch_size: Annotated[int | None, Option(min=1, help="Instead of the recipe's.")] = None,
    learning_rate: Annotated[float | None, Option(min=0, help="Instead of the recipe's.")] = None,
    schedule: Annotated[Schedule | None, Option(help="Instead of the recipe's.")] = None,
    early_stopping: Annotated[int | None, Option(min=1, help="Patience, epochs.")] = None,
    l2: Annotated[float | None, Option(min=0, help="Decoupled weight decay.")] = None,
    label_smoothing: Annotated[float | None, Option(min=0, max=0.9)] = None,
    class_weights: Annotated[bool | None, Option(help="Rare classes weigh more.")] = None,
    calm_epochs: Annotated[int | None, Option(min=0, help="Last epochs, hardly augmented.")] = None,
    other_labels: Annotated[
        float | None, Option(min=0, help="Weight of a second head on the other label set.")
    ] = None,
    start_from: Annotated[
        str, Option(help="Id or folder of a classifier whose layers, all but the last, come first.")
    ] = "",
    runs_tried: Annotated[int, Option(min=1, help="For the card: trainings so far.")] = 1,
    note: Annotated[str, Option(help="For the card: one sentence.")] = "",
    ship: Annotated[bool, Option("--ship", help="Put weights and card into the package.")] = False,
) -> None:
    """Train a classifier on the Training split; choose its best epoch on PublicTest."""
    from dataclasses import replace

    from fer_models.architectures import architecture
    from fer_models.backend import start_backend

    changes: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "early_stopping": early_stopping,
        "weight_decay": l2,
        "label_smoothing": label_smoothing,
        "class_weights": class_weights,
        "calm_epochs": calm_epochs,
        "other_labels": other_labels,
    }
    start_backend()
    _, default = architecture(name)
    recipe = replace(default, **{key: value for key, value in changes.items() if value is not None})
    model_id = f"{name}.{labels}"
    work = out or Path("training") / model_id
    settings = {
        "id": model_id,
        "recipe": vars(recipe),
        "precision": precision,
        "seed": seed,
        "training_rule": vote_rule if labels is LabelSet.FERPLUS else None,
        "start_from": start_from,
    }
    train_faces, validation_faces = _read(data, votes)
    settings["data_sha256"] = train_faces.sha256
    _open_work_folder(work, settings, resume)
    card = _train(
        work,
        settings,
        recipe,
        _rows(train_faces, labels, vote_rule, recipe.other_labels > 0),
        _rows(validation_faces, labels, VoteRule.MAJORITY, recipe.other_labels > 0),
        {"runs_tried": runs_tried, "note": note},
    )
    if ship:
        _ship(card, work)
    print(
        f"{card.id}: {100 * card.validation_accuracy:.2f} % of {card.validation_rows} "
        f"PublicTest faces, epoch {card.best_epoch} of {card.epochs}; {work / 'weights.npz'}"
    )


def _read(data: Path, votes: Path | None) -> tuple["FaceSet", "FaceSet"]:
    from datasets.faceset import Split
    from datasets.read import open_source

    source = open_source(data, votes)
    return (
        source.faces(Split.TRAINING, for_training=True),
        source.faces(Split.PUBLIC_TEST, for_training=True),
    )


def _rows(faces: "FaceSet", labels: LabelSet, rule: VoteRule, both: bool) -> "TrainingRows":
    """Rows that have a label, with their target distribution, under both label sets if asked."""
    from fer_models.training import TrainingRows

    targets = _targets(faces, labels, rule)
    other = LabelSet.FER if labels is LabelSet.FERPLUS else LabelSet.FERPLUS
    kept = targets.any(axis=1)
    other_targets = _targets(faces, other, VoteRule.CROSS_ENTROPY) if both else targets[:, :0]
    return TrainingRows(faces.images[kept], targets[kept], other_targets[kept])


def _targets(faces: "FaceSet", labels: LabelSet, rule: VoteRule) -> "np.ndarray":
    import numpy as np

    from datasets.votes import vote_targets

    if labels not in faces.label_sets:
        raise InputError(f"--labels {labels} needs such labels, but {faces.name} has none: --votes")
    if labels is LabelSet.FERPLUS and faces.votes is not None:
        return vote_targets(faces.votes, rule)
    one_hot = np.eye(SCHEMES[labels].num_classes, dtype=np.float32)
    return one_hot[faces.labels(labels).values]


def _open_work_folder(work: Path, settings: dict[str, Any], resume: bool) -> None:
    """Start or continue: a folder continues only the very same training."""
    path = work / "settings.json"
    text = json.dumps(settings, indent=2) + "\n"
    if path.exists():
        if not resume:
            raise InputError(
                f"{work} holds a training already. Add --resume, or name another --out."
            )
        if path.read_text() != text:
            raise InputError(
                f"{path}: --resume continues the same training only, but data or settings differ. "
                "Name another --out."
            )
    work.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _train(
    work: Path,
    settings: dict[str, Any],
    recipe: Recipe,
    train: "TrainingRows",
    validation: "TrainingRows",
    words: dict[str, Any],
) -> "Card":
    import keras

    from fer_models.architectures import architecture
    from fer_models.cards import Card, write_card
    from fer_models.training import fit
    from fer_models.training_curves import plot_history
    from fer_models.weights import file_sha256
    from fer_models.zoo import load_unverified

    architecture_name, label_set = settings["id"].split(".")
    build, _ = architecture(architecture_name)
    shape = train.images.shape[1:]
    num_classes = train.targets.shape[1]
    keras.config.set_dtype_policy(settings["precision"])
    print(f"{settings['id']}: {len(train.images)} training faces", file=sys.stderr)
    history = fit(
        lambda: _start(build(shape, num_classes), settings["start_from"]),
        recipe,
        train,
        validation,
        work,
        settings["seed"],
        _Progress(recipe.epochs),
    )
    keras.config.set_dtype_policy("float32")
    shutil.copyfile(work / "best.npz", work / "weights.npz")
    accuracies = [line["val_accuracy"] for line in history]
    card = Card(
        id=settings["id"],
        architecture=architecture_name,
        label_set=LabelSet(label_set),
        input_shape=shape,
        parameters=build(shape, num_classes).count_params(),
        recipe=recipe,
        precision=settings["precision"],
        seed=settings["seed"],
        training_rule=settings["training_rule"],
        start_from=settings["start_from"],
        training_rows=len(train.images),
        epochs=len(history),
        best_epoch=accuracies.index(max(accuracies)) + 1,
        data_sha256=settings["data_sha256"],
        validation_accuracy=0.0,
        validation_rows=len(validation.images),
        weights_sha256=file_sha256(work / "weights.npz"),
        **words,
    )
    classifier = load_unverified(card, work / "weights.npz")
    predicted = classifier.predict(validation.images.astype("float32") / 255)
    accuracy = float((predicted == validation.targets.argmax(axis=1)).mean())
    card = card.model_copy(update={"validation_accuracy": accuracy})
    write_card(card, work / "card.json")
    plot_history(history, f"{card.id}: {100 * accuracy:.1f} % on PublicTest", work / "history.png")
    return card


def _start(model: "keras.Model", start_from: str) -> "keras.Model":
    """Copy the layers of another classifier of this architecture, all but the logits."""
    if start_from:
        from fer_models.zoo import card_of, load_unverified

        card, weights = card_of(start_from)
        if card.architecture != model.name:
            raise InputError(
                f"--start-from must be a classifier of architecture {model.name}; got {start_from} "
                f"of {card.architecture}. Leave it out, or name another."
            )
        source = load_unverified(card, weights).model
        for layer, other in zip(model.layers[:-1], source.layers[:-1], strict=True):
            layer.set_weights(other.get_weights())
    return model


class _Progress:
    """One line an epoch on standard error."""

    def __init__(self, epochs: int) -> None:
        self._epochs, self._then = epochs, time.monotonic()

    def __call__(self, line: dict[str, float]) -> None:
        now = time.monotonic()
        print(
            f"epoch {line['epoch']:.0f} of {self._epochs}: loss {line['loss']:.3f}, "
            f"accuracy {100 * line['accuracy']:.1f} %, PublicTest "
            f"{100 * line['val_accuracy']:.2f} %, {now - self._then:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        self._then = now


def _ship(card: "Card", work: Path) -> None:
    from fer_models.cards import CARDS, WEIGHTS, write_card

    for folder in (CARDS, WEIGHTS):
        folder.mkdir(exist_ok=True)
    shutil.copyfile(work / "weights.npz", WEIGHTS / f"{card.id}.npz")
    write_card(card, CARDS / f"{card.id}.json")


if __name__ == "__main__":
    run(main, prog="python -m fer_models.train")
