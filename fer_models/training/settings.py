"""What decides the result of a training, as `settings.json` of its work folder holds it."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from datasets.labels import LabelSet
from datasets.votes import VoteRule
from fer_models.cards import AnyRecipe
from fer_models.foreign.names import files_sha256
from fer_models.mean_of_nets import weights_of_members
from fer_models.recipe import Precision
from fer_models.zoo import describe, listed_models

ROBUST_L2, ROBUST, AUGMIX = VARIANTS = ("_robust_l2", "_robust", "_augmix")
"""Follow the architecture in the id of a classifier trained against attacks, or with AugMix."""
HASHES = ("start_from_sha256", "teacher_sha256")
"""Fields of `TrainingRun` that hold hashes of weights."""


class TrainingRun(BaseModel):
    """Everything that decides the result of a training, as `settings.json` holds it.

    Attributes:
        id: `ARCHITECTURE.LABEL_SET`, or with one of `VARIANTS`, `vgg_small_robust.fer`.
        recipe: hyper-parameters.
        precision: arithmetic.
        seed: seed of weights, order and augmentation.
        final: learns from all faces for exactly the recipe's epochs; nothing is held out.
        training_rule: FER+ rule behind the targets, None for FER.
        start_from: id or folder of a classifier whose layers, all but the last, come first, or a
            Keras file of a backbone.
        teacher: id or folder of the classifier behind `recipe.teacher_share`, several with commas;
            empty: none.
        data_sha256: identity of the training rows.
        held_out_sha256: identity of the rows on which the epoch is chosen; empty: none, or settings
            of an older version.
        start_from_sha256: hash of the weights of `start_from`; empty: none, or not written yet.
        teacher_sha256: hash of the teacher's weights, likewise; of several, of their hashes.
        trained_against: settings of the attack of an adversarial training; empty: none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    recipe: AnyRecipe
    precision: Precision
    seed: int
    training_rule: VoteRule | None
    start_from: str = ""
    teacher: str = ""
    data_sha256: str
    held_out_sha256: str = ""
    start_from_sha256: str = ""
    teacher_sha256: str = ""
    trained_against: dict[str, str | int | float] = {}
    final: bool = False

    @property
    def architecture(self) -> str:
        """Name in `fer_models/architectures/registry.py`."""
        name = self.id.split(".")[0]
        return next((name.removesuffix(end) for end in VARIANTS if name.endswith(end)), name)

    @property
    def is_older(self) -> bool:
        """Whether a version wrote these settings that held out faces in another way."""
        return not (self.final or self.held_out_sha256)

    @property
    def labels(self) -> LabelSet:
        """Label set that is learnt."""
        return LabelSet(self.id.split(".")[1])


def read_run(path: Path) -> TrainingRun:
    """Read a `settings.json`; settings that newer recipes added get their defaults.

    Raises:
        InputError: missing, or no settings of a training.
    """
    try:
        return TrainingRun.model_validate_json(path.read_text())
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        detail = str(error).splitlines()[0]
        raise InputError(
            f"{path}: expected the settings of a training; {detail}. Name another --out."
        ) from error


def write_run(training: TrainingRun, path: Path) -> None:
    """Write a `settings.json`, atomically."""
    with atomic(path) as unfinished:
        unfinished.write_text(json.dumps(training.model_dump(mode="json"), indent=2) + "\n")


def with_hashes(training: TrainingRun) -> TrainingRun:
    """The same training, with the hashes of the weights that it learns from, as they are now.

    Raises:
        InputError: there is no such classifier or file.
    """
    found = (_start_sha256(training.start_from), _teacher_sha256(training.teacher))
    return training.model_copy(update=dict(zip(HASHES, found, strict=True)))


def is_same(kept: TrainingRun, training: TrainingRun, begun: bool) -> bool:
    """Whether a training is the one whose settings were kept.

    Hashes that settings of older versions lack are not compared.

    Args:
        kept: settings of the work folder.
        training: what is asked for, without hashes.
        begun: whether an epoch is done, after which nothing is read from the start any more.

    Raises:
        InputError: the teacher or start is missing.
    """
    hashes = {field: getattr(kept, field) for field in HASHES}
    hashes["held_out_sha256"] = kept.held_out_sha256 and training.held_out_sha256
    if kept.start_from_sha256 and not begun:
        hashes["start_from_sha256"] = _start_sha256(training.start_from)
    if kept.teacher_sha256:
        hashes["teacher_sha256"] = _teacher_sha256(training.teacher)
    return kept == training.model_copy(update=hashes)


def _start_sha256(name: str) -> str:
    if name.endswith(".keras"):  # a backbone, which has no contract
        return files_sha256(name)
    return describe(name).weights_sha256 if name else ""


def _teacher_sha256(names: str) -> str:
    hashes = [describe(name).weights_sha256 for name in listed_models(names)]
    return weights_of_members(hashes) if len(hashes) > 1 else "".join(hashes)
