"""`python -m attacks.train NAME --labels fer --data DIR`: train a classifier against attacks.

The classifier's id is `NAME_robust.LABELS`, and `NAME_robust_l2.LABELS` with `--norm l2`. Writes
the same files as `python -m fer_models.train` into `--out` (default `training/ID`); the best epoch
is the one with the highest accuracy on held-out faces under a short PGD, an additional column of
`history.csv`.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from attacks.adversarial_training.recipe import BETA, Method
from attacks.threat_model import Norm
from datasets.base.commands import run
from datasets.base.options import as_command
from datasets.labels import SCHEMES, LabelSet
from datasets.votes import VoteRule
from fer_models.training.request import TrainingRequest

if TYPE_CHECKING:
    import keras

    from attacks.adversarial_training.adversary import Adversary
    from attacks.adversarial_training.recipe import AdversarialRecipe

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
"""Changes of an architecture's recipe for adversarial training: attacks already vary the faces, and
a small net that learns attacked faces underfits."""


@dataclass(frozen=True, kw_only=True)
class AdversarialRequest(TrainingRequest):
    """Options of an adversarial training."""

    name: Annotated[str, Argument(help="Architecture, such as vgg_small.")]
    labels: Annotated[
        LabelSet, Option(help="Labels to learn; ferplus learns the vote distribution.")
    ]
    method: Annotated[Method, Option(help="pgd with one step is fast FGSM with random start.")] = (
        Method.N_FGSM
    )
    norm: Annotated[Norm, Option(help="Norm of its eps: linf or l2.")] = Norm.LINF
    eps: Annotated[str, Option(help="Eps of the attack to train against.")] = "4/255"
    steps: Annotated[
        int, Option(help="Gradient steps per image and epoch, for pgd and trades.")
    ] = 1
    warm_up: Annotated[float, Option(help="Epochs over which eps grows from 0.")] = 4.0
    beta: Annotated[float, Option(help="Weight of the attacked images, for trades.")] = BETA
    weight_step: Annotated[
        float,
        Option(help="Step of the weights up the loss, as a share of their norm, such as 0.005."),
    ] = 0.0
    judge_eps: Annotated[
        str, Option(help="Eps of the PGD that chooses the epoch. Default: that of --eps.")
    ] = ""


def main(request: AdversarialRequest) -> None:
    """Train a classifier on attacked faces; robust accuracy on held-out faces selects the epoch."""
    from fer_models.backend import quiet_backend

    quiet_backend()
    from attacks.adversarial_training.recipe import AdversarialRecipe
    from attacks.threat_model import parse_eps
    from fer_models.architectures.registry import architecture
    from fer_models.training.rows import read_training_faces
    from fer_models.training.run import carry_out
    from fer_models.training.settings import ROBUST, ROBUST_L2, TrainingRun

    labels = request.labels
    against = AdversarialRecipe(
        method=request.method,
        norm=request.norm,
        eps=parse_eps(request.eps),
        steps=request.steps,
        warm_up=request.warm_up,
        beta=request.beta,
        weight_step=request.weight_step,
        judge_eps=parse_eps(request.judge_eps or request.eps),
    )
    _, recipe = architecture(request.name)
    faces = read_training_faces(request, request.split, request.final)
    training = TrainingRun(
        id=f"{request.name}{ROBUST_L2 if request.norm is Norm.L2 else ROBUST}.{labels}",
        recipe=replace(recipe, **{**MILDER, **request.recipe_changes()}),
        precision=request.precision,
        seed=request.seed,
        training_rule=VoteRule.CROSS_ENTROPY if labels is LabelSet.FERPLUS else None,
        start_from=request.start_from,
        teacher=request.teacher,
        data_sha256=faces.training.sha256,
        held_out_sha256=faces.held_out_sha256,
        trained_against=against.as_card(),
        final=request.final,
    )
    carry_out(request, training, faces, lambda model: _adversary(model, labels, against))


def _adversary(model: "keras.Model", labels: LabelSet, against: "AdversarialRecipe") -> "Adversary":
    """The adversary of a net in training, whose weights change, so that they have no hash."""
    from attacks.adversarial_training.adversary import Adversary
    from fer_models.contract import Contract
    from fer_models.keras_classifier import wrap

    height, width, channels = model.input_shape[1:]
    contract = Contract(height, width, channels, SCHEMES[labels])
    return Adversary(wrap(model, contract, weights_sha256="in training"), against)


if __name__ == "__main__":
    run(as_command(AdversarialRequest, main), prog="python -m attacks.train")
