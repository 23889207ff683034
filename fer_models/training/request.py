"""Options that the two training commands share: names, defaults and help, written once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from datasets.base.errors import InputError
from datasets.data_options import DataOptions
from datasets.faceset import Split
from datasets.labels import LabelSet
from fer_models.recipe import Precision

_RECIPE = {
    "epochs": "epochs",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "early_stopping": "early_stopping",
    "l2": "weight_decay",
    "label_smoothing": "label_smoothing",
    "class_weights": "class_weights",
    "calm_epochs": "calm_epochs",
    "other_labels": "other_labels",
    "averaging": "averaging",
    "teacher_share": "teacher_share",
    "erase": "erase",
    "brightness": "brightness",
    "noise": "noise",
    "mixup": "mixup",
    "cutmix": "cutmix",
}
"""Option, and the field of the recipe that it replaces."""
WORK = Path("training")
"""Folder of work folders, where `--out` names none."""
TEACHER_SHARE = 0.5
"""Of the targets, when a teacher is named without one."""


@dataclass(frozen=True, kw_only=True)
class TrainingRequest(DataOptions):
    """A training as the user asked for it; options that are None keep the recipe's value."""

    data: Annotated[
        Path,
        Option(
            help="Csv, archive, list or folder of labelled faces, docs/data.md; or `sample`, with "
            "--split Sample."
        ),
    ]
    labels: Annotated[
        LabelSet | None, Option(help="Labels to learn; ferplus learns the vote distribution.")
    ] = None
    split: Annotated[Split, Option(help="Faces to learn from: Training or Sample.")] = (
        Split.TRAINING
    )
    final: Annotated[
        bool,
        Option(
            "--final",
            help="Train on all faces for exactly --epochs and keep the last weights; without it a "
            "tenth is held out to choose the epoch.",
        ),
    ] = False
    out: Annotated[Path | None, Option(help="Work folder. Default: training/ID.")] = None
    resume: Annotated[bool, Option("--resume", help="Continue an interrupted training.")] = False
    seed: Annotated[int, Option(min=0, max=2**32 - 1, help="Random seed.")] = 0
    precision: Annotated[
        Precision, Option(help="mixed_bfloat16 is about twice as fast on CPUs that have it.")
    ] = Precision.FLOAT32
    epochs: Annotated[
        int | None, Option(min=1, help="Maximum number of epochs; with --final, the exact number.")
    ] = None
    batch_size: Annotated[int | None, Option(min=1, help="Images per step.")] = None
    learning_rate: Annotated[float | None, Option(min=0, help="Peak learning rate.")] = None
    early_stopping: Annotated[
        int | None, Option(min=1, help="Stop after this many epochs without improvement.")
    ] = None
    l2: Annotated[float | None, Option(min=0, help="Decoupled weight decay.")] = None
    label_smoothing: Annotated[
        float | None, Option(min=0, max=0.9, help="Amount of label smoothing.")
    ] = None
    class_weights: Annotated[bool | None, Option(help="Give rare classes more weight.")] = None
    calm_epochs: Annotated[
        int | None, Option(min=0, help="Final epochs with weak augmentation.")
    ] = None
    other_labels: Annotated[
        float | None, Option(min=0, help="Weight of a second head on the other label set.")
    ] = None
    averaging: Annotated[
        float | None,
        Option(min=0, max=0.9999, help="Decay of the running average of the weights; 0: none."),
    ] = None
    start_from: Annotated[
        str,
        Option(
            help="Id or folder of a trained classifier, or Keras file of a backbone, whose layers "
            "are the start; the last layer is always new."
        ),
    ] = ""
    teacher: Annotated[
        str,
        Option(
            help="Classifier of the same labels whose probabilities are part of the targets "
            "(distillation), such as vgg_small.fer; with commas, the mean of several."
        ),
    ] = ""
    teacher_share: Annotated[
        float | None, Option(min=0, max=1, help="Its share of the targets. Default: 0.5.")
    ] = None
    erase: Annotated[
        float | None, Option(min=0, max=1, help="Share of faces with an erased rectangle.")
    ] = None
    brightness: Annotated[
        float | None, Option(min=0, max=1, help="Largest relative change of brightness.")
    ] = None
    noise: Annotated[
        float | None,
        Option(min=0, max=1, help="Largest deviation of the noise added to half of the faces."),
    ] = None
    mixup: Annotated[
        float | None,
        Option(min=0, max=10, help="Blend two faces, shares from Beta(X, X), such as 0.4; 0: no."),
    ] = None
    cutmix: Annotated[
        float | None,
        Option(min=0, max=10, help="Paste a part of another face, area from Beta(X, X); 0: no."),
    ] = None
    runs_tried: Annotated[int, Option(min=1, help="For the card: trainings tried.")] = 1
    note: Annotated[str, Option(help="For the card: a remark.")] = ""
    shipping: Annotated[bool, Option("--ship", help="Put weights and card into the package.")] = (
        False
    )

    def recipe_changes(self) -> dict[str, Any]:
        """Fields of the recipe that the user replaces.

        Raises:
            InputError: one that a training with `final` has no use for.
        """
        if self.final and self.early_stopping is not None:
            raise InputError(
                "--final trains for exactly --epochs, so that nothing stops it early; got "
                f"--early-stopping {self.early_stopping}. Leave one out."
            )
        given = {field: getattr(self, option) for option, field in _RECIPE.items()}
        if self.teacher and self.teacher_share is None:
            given["teacher_share"] = TEACHER_SHARE
        return {field: value for field, value in given.items() if value is not None}
