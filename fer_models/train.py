"""`python -m fer_models.train NAME --labels fer|ferplus --data DIR`: train a classifier.

Writes into `--out` (default `training/ID`; the id is `NAME.LABELS`, and `NAME_augmix.LABELS` with
`--augmix`): `settings.json`, `checkpoint.keras`, `history.csv`, `history.png`, `weights.npz`,
`card.json`. `--models FOLDER` of the other commands takes that folder.

`--all --budget HOURS` trains what is missing, the most useful first; it may be stopped at any time,
and the same command continues.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.options import as_command
from datasets.labels import LabelSet
from datasets.votes import VoteRule
from fer_models.recipe import Precision, Recipe, Schedule
from fer_models.training.request import WORK, TrainingRequest

if TYPE_CHECKING:
    from fer_models.cards import Card
    from fer_models.training.rows import TrainingFaces
    from fer_models.training.settings import TrainingRun


@dataclass(frozen=True, kw_only=True)
class TrainRequest(TrainingRequest):
    """One training, or all that are missing."""

    name: Annotated[str, Argument(help="Architecture, such as simple_cnn.")] = ""
    everything: Annotated[
        bool, Option("--all", help="Every classifier that is neither shipped nor in --out.")
    ] = False
    budget: Annotated[
        float | None,
        Option(min=0, metavar="HOURS", help="With --all: stop at the end of an epoch after this."),
    ] = None
    vote_rule: Annotated[VoteRule, Option(help="FER+ rule behind the training targets.")] = (
        VoteRule.CROSS_ENTROPY
    )
    schedule: Annotated[Schedule | None, Option(help="How the learning rate falls.")] = None
    augmix: Annotated[
        bool, Option("--augmix", help="Mix AugMix's chains of operations into the faces.")
    ] = False

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            InputError: they do not.
        """
        alone = self.name or self.start_from or self.teacher or self.note or self.augmix
        if self.everything and alone:
            raise InputError(
                "--all takes no NAME, --start-from, --teacher, --augmix or --note: leave them out."
            )
        if not self.everything and self.budget is not None:
            raise InputError("--budget limits --all: add it, or leave --budget out.")
        if not self.everything and not (self.name and self.labels):
            raise InputError("name an architecture and its --labels, or give --all.")
        if self.labels is LabelSet.FER and self.vote_rule is not VoteRule.CROSS_ENTROPY:
            raise InputError(
                f"--vote-rule is for --labels ferplus; got {self.vote_rule} with --labels fer. "
                "Leave it out."
            )


def main(request: TrainRequest) -> int:
    """Train classifiers; a held-out tenth of the faces chooses each one's epoch."""
    request.check()
    from fer_models.architectures.registry import recipe_of
    from fer_models.backend import quiet_backend

    changes = request.recipe_changes()
    if request.schedule is not None:
        changes["schedule"] = request.schedule
    if request.augmix:
        changes["augmix"] = True
    quiet_backend()
    if (
        request.name
        and not isinstance(recipe_of(request.name), Recipe)
        and (
            changes
            or request.start_from
            or request.teacher
            or request.precision is not Precision.FLOAT32
        )
    ):
        raise InputError(
            f"{request.name} is not a neural net: it takes no epochs, --precision, --start-from "
            "and the like. Leave them out."
        )

    from fer_models.training.rows import read_training_faces
    from fer_models.training.run import carry_out
    from fer_models.training.settings import AUGMIX, TrainingRun

    faces = read_training_faces(request, request.split, request.final)

    def new_training(model_id: str) -> TrainingRun:
        recipe = recipe_of(request.name or model_id.split(".")[0])
        return TrainingRun(
            id=model_id,
            recipe=replace(recipe, **changes) if isinstance(recipe, Recipe) else recipe,
            precision=request.precision,
            seed=request.seed,
            training_rule=request.vote_rule if model_id.endswith(LabelSet.FERPLUS) else None,
            start_from=request.start_from,
            teacher=request.teacher,
            data_sha256=faces.training.sha256,
            held_out_sha256=faces.held_out_sha256,
            final=request.final,
        )

    if request.everything:
        return _train_all(request, faces, new_training)
    variant = AUGMIX if request.augmix else ""
    carry_out(request, new_training(f"{request.name}{variant}.{request.labels}"), faces)
    return 0


def _train_all(
    request: TrainRequest, faces: "TrainingFaces", new_training: Callable[[str], "TrainingRun"]
) -> int:
    from fer_models.training.queue import train_all
    from fer_models.training.run import show

    folder = request.out or WORK

    def on_card(card: "Card") -> None:
        show(card, folder / card.id, request.shipping)

    label_sets = (request.labels,) if request.labels else faces.training.label_sets
    result = train_all(folder, faces, label_sets, new_training, request.budget, on_card)
    if result.failed:
        print(f"failed: {', '.join(result.failed)}")
    if result.remaining:
        left = (f"{name} ({done} epochs done)" for name, done in result.remaining.items())
        print(f"the budget is used up; the same command continues with {', '.join(left)}")
    return 1 if result.failed else 0


if __name__ == "__main__":
    run(as_command(TrainRequest, main), prog="python -m fer_models.train")
