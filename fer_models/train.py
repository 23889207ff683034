"""`python -m fer_models.train NAME --labels fer|ferplus --data DIR`: train a classifier.

Writes into `--out` (default `training/NAME.LABELS`): `checkpoint.keras`, `history.csv`,
`history.png`, `weights.npz`, `card.json`. `--models FOLDER` of the other commands takes it.

`--all --budget HOURS` trains what is missing, the most worthwhile first; it may be stopped at any
time, and the same command continues.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.labels import LabelSet
from datasets.votes import VoteRule
from fer_models.recipe import Precision, Recipe, Schedule

if TYPE_CHECKING:
    from fer_models.cards import Card
    from fer_models.training.rows import TrainingFaces
    from fer_models.training.run import TrainingRun

Option = typer.Option
WORK = Path("training")


def main(
    data: Annotated[Path, Option(help="FER2013 as csv, archive or folder.")],
    name: Annotated[str, typer.Argument(help="Architecture, such as simple_cnn.")] = "",
    labels: Annotated[
        LabelSet | None, Option(help="Labels to learn; FER+ learns the vote shares.")
    ] = None,
    everything: Annotated[
        bool, Option("--all", help="Every classifier that neither ships nor is trained in --out.")
    ] = False,
    budget: Annotated[
        float | None, Option(min=0, metavar="HOURS", help="With --all: then stop after an epoch.")
    ] = None,
    votes: Annotated[Path | None, Option(help="FER+ votes when they lie elsewhere.")] = None,
    out: Annotated[
        Path | None, Option(help="Work folder; with --all the folder of work folders.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Continue a training that was cut.")] = False,
    seed: Annotated[
        int, Option(min=0, max=2**32 - 1, help="Of weights, order and augmentation.")
    ] = 0,
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
    averaging: Annotated[
        float | None, Option(min=0, max=0.9999, help="Of the weights, kept a step; 0: none.")
    ] = None,
    start_from: Annotated[
        str,
        Option(
            help="Id or folder of a classifier whose layers, all but the last, come first; or a "
            "Keras file of the backbone, such as MobileNetV2's."
        ),
    ] = "",
    runs_tried: Annotated[int, Option(min=1, help="For the card: trainings so far.")] = 1,
    note: Annotated[str, Option(help="For the card: one sentence.")] = "",
    shipping: Annotated[
        bool, Option("--ship", help="Put weights and card into the package.")
    ] = False,
) -> int:
    """Train classifiers on the Training split; choose each one's best epoch on PublicTest."""
    if everything and (name or start_from or note):
        raise InputError("--all takes no NAME, --start-from or --note: leave them out.")
    if not everything and budget is not None:
        raise InputError("--budget limits --all: add it, or leave --budget out.")
    if not everything and not (name and labels):
        raise InputError("name an architecture and its --labels, or give --all.")
    from fer_models.architectures.registry import recipe_of
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
        "averaging": averaging,
    }
    given = {key: value for key, value in changes.items() if value is not None}
    start_backend()
    if (
        name
        and not isinstance(recipe_of(name), Recipe)
        and (given or start_from or precision is not Precision.FLOAT32)
    ):
        raise InputError(
            f"{name} is no neural net: it takes no epochs, --precision, --start-from and the like. "
            "Leave them out."
        )

    from fer_models.training.rows import read_training_faces
    from fer_models.training.run import TrainingRun

    faces = read_training_faces(data, votes)

    def new_training(model_id: str) -> TrainingRun:
        recipe = recipe_of(model_id.split(".")[0])
        return TrainingRun(
            id=model_id,
            recipe=replace(recipe, **given) if isinstance(recipe, Recipe) else recipe,
            precision=precision,
            seed=seed,
            training_rule=vote_rule if model_id.endswith(LabelSet.FERPLUS) else None,
            start_from=start_from,
            data_sha256=faces.training.sha256,
        )

    if everything:
        return _train_all(faces, labels, new_training, out or WORK, budget, shipping)
    training = new_training(f"{name}.{labels}")
    _train_one(training, faces, out or WORK / training.id, resume, shipping, runs_tried, note)
    return 0


def _train_one(
    training: "TrainingRun",
    faces: "TrainingFaces",
    work: Path,
    resume: bool,
    shipping: bool,
    runs_tried: int,
    note: str,
) -> None:
    from fer_models.training.run import EpochLines, open_work_folder, train

    open_work_folder(work, training, faces, resume)
    lines = EpochLines(training.recipe.epochs)
    card = train(training, faces, work, lines, runs_tried=runs_tried, note=note)
    _show(card, work, shipping)


def _train_all(
    faces: "TrainingFaces",
    labels: LabelSet | None,
    new_training: Callable[[str], "TrainingRun"],
    folder: Path,
    budget: float | None,
    shipping: bool,
) -> int:
    from fer_models.training.queue import train_all

    result = train_all(
        folder,
        faces,
        (labels,) if labels else faces.training.label_sets,
        new_training,
        budget,
        lambda card: _show(card, folder / card.id, shipping),
    )
    if result.failed:
        print(f"failed: {', '.join(result.failed)}")
    if result.remaining:
        left = (f"{name} ({done} epochs done)" for name, done in result.remaining.items())
        print(f"the time budget is used up; the same command continues with {', '.join(left)}")
    return 1 if result.failed else 0


def _show(card: "Card", work: Path, shipping: bool) -> None:
    """Print what came out, and ship it when asked."""
    if shipping:
        from fer_models.training.run import ship

        ship(card, work)
    epoch = f", epoch {card.best_epoch} of {card.epochs}" if card.epochs else ""
    print(
        f"{card.id}: {100 * card.validation_accuracy:.2f} % of {card.validation_rows} "
        f"PublicTest faces{epoch}; {work / 'weights.npz'}",
        flush=True,
    )


if __name__ == "__main__":
    run(main, prog="python -m fer_models.train")
