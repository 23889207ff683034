"""`python -m attacks.train NAME --labels fer --data DIR`: train a classifier against attacks.

The classifier's id is `NAME_robust.LABELS`. Writes the same files as `python -m fer_models.train`
into `--out` (default `training/NAME_robust.LABELS`); the best epoch is the one of highest
PublicTest accuracy under a short PGD, one more column of `history.csv`.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attacks.adversarial_training.recipe import Method
from datasets.base.commands import run
from datasets.labels import SCHEMES, LabelSet
from datasets.votes import VoteRule
from fer_models.recipe import Precision

if TYPE_CHECKING:
    import keras

    from attacks.adversarial_training.adversary import Adversary
    from attacks.adversarial_training.recipe import AdversarialRecipe

Option = typer.Option

MILDER: dict[str, Any] = {
    "epochs": 24,
    "shift": 2.0,
    "rotation": 4.0,
    "zoom": 0.04,
    "contrast": 0.1,
    "erase": 0.0,
    "calm_epochs": 4,
    "averaging": 0.998,
}
"""Changes of an architecture's recipe for adversarial training: attacks vary the faces already,
and a small net that learns from attacked faces underfits."""


def main(
    name: Annotated[str, typer.Argument(help="Architecture, such as vgg_small.")],
    labels: Annotated[LabelSet, Option(help="Labels to learn; FER+ learns the vote shares.")],
    data: Annotated[Path, Option(help="FER2013 as csv, archive or folder.")],
    method: Annotated[
        Method, Option(help="pgd with one step is fast FGSM with random start.")
    ] = Method.N_FGSM,
    eps: Annotated[str, Option(help="Linf it is trained against.")] = "4/255",
    steps: Annotated[int, Option(help="Gradients an image and epoch, for pgd and trades.")] = 1,
    warm_up: Annotated[float, Option(help="Epochs over which eps grows from 0.")] = 4.0,
    beta: Annotated[float, Option(help="Weight of the attacked images, for trades.")] = 6.0,
    judge_eps: Annotated[str, Option(help="Linf of the PGD that chooses the epoch.")] = "4/255",
    votes: Annotated[Path | None, Option(help="FER+ votes when they lie elsewhere.")] = None,
    out: Annotated[Path | None, Option(help="Work folder.")] = None,
    resume: Annotated[bool, Option("--resume", help="Continue a training that was cut.")] = False,
    seed: Annotated[
        int, Option(min=0, max=2**32 - 1, help="Of weights, order, augmentation and noise.")
    ] = 0,
    precision: Annotated[
        Precision, Option(help="mixed_bfloat16 is about twice as fast where the CPU has it.")
    ] = Precision.FLOAT32,
    epochs: Annotated[int | None, Option(min=1, help="Default: 24.")] = None,
    batch_size: Annotated[int | None, Option(min=1, help="Default: the architecture's.")] = None,
    learning_rate: Annotated[float | None, Option(min=0, help="The architecture's.")] = None,
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
        str, Option(help="Id or folder of a classifier whose layers, all but the last, come first.")
    ] = "",
    runs_tried: Annotated[int, Option(min=1, help="For the card: trainings so far.")] = 1,
    note: Annotated[str, Option(help="For the card: one sentence.")] = "",
    shipping: Annotated[
        bool, Option("--ship", help="Put weights and card into the package.")
    ] = False,
) -> None:
    """Train a classifier on attacked faces; choose its best epoch on attacked PublicTest faces."""
    changes: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "early_stopping": early_stopping,
        "weight_decay": l2,
        "label_smoothing": label_smoothing,
        "class_weights": class_weights,
        "calm_epochs": calm_epochs,
        "other_labels": other_labels,
        "averaging": averaging,
    }
    from fer_models.backend import start_backend

    start_backend()
    from attacks.adversarial_training.recipe import AdversarialRecipe
    from attacks.threat_model import parse_eps
    from fer_models.architectures.registry import architecture
    from fer_models.training.rows import read_training_faces
    from fer_models.training.run import (
        ROBUST,
        EpochLines,
        TrainingRun,
        open_work_folder,
        ship,
        train,
    )

    against = AdversarialRecipe(
        method=method,
        eps=parse_eps(eps),
        steps=steps,
        warm_up=warm_up,
        beta=beta,
        judge_eps=parse_eps(judge_eps),
    )
    _, recipe = architecture(name)
    given = {key: value for key, value in changes.items() if value is not None}
    faces = read_training_faces(data, votes)
    training = TrainingRun(
        id=f"{name}{ROBUST}.{labels}",
        recipe=replace(recipe, **{**MILDER, **given}),
        precision=precision,
        seed=seed,
        training_rule=VoteRule.CROSS_ENTROPY if labels is LabelSet.FERPLUS else None,
        start_from=start_from,
        data_sha256=faces.training.sha256,
        trained_against=against.as_card(),
    )
    work = out or Path("training") / training.id
    open_work_folder(work, training, faces, resume)
    card = train(
        training,
        faces,
        work,
        EpochLines(training.recipe.epochs),
        runs_tried=runs_tried,
        note=note,
        adversary=lambda model: _adversary(model, labels, against),
    )
    if shipping:
        ship(card, work)
    print(
        f"{card.id}: {100 * card.validation_accuracy:.2f} % of {card.validation_rows} PublicTest "
        f"faces, epoch {card.best_epoch} of {card.epochs}; {work / 'weights.npz'}"
    )


def _adversary(model: "keras.Model", labels: LabelSet, against: "AdversarialRecipe") -> "Adversary":
    """The adversary of a net in training, whose weights keep changing, so they have no hash."""
    from attacks.adversarial_training.adversary import Adversary
    from fer_models.contract import Contract
    from fer_models.keras_classifier import wrap

    height, width, channels = model.input_shape[1:]
    contract = Contract(height, width, channels, SCHEMES[labels])
    return Adversary(wrap(model, contract, weights_sha256="in training"), against)


if __name__ == "__main__":
    run(main, prog="python -m attacks.train")
