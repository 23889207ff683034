"""Model cards: what is known of a set of weights, as data.

A card is `fer_models/shipped/cards/ID.json` for shipped weights and at `FOLDER/card.json`
for the result of a training. Reading needs no Keras.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.base.atomic import atomic
from datasets.base.errors import InputError, first_fault
from datasets.labels import LabelSet
from datasets.votes import VoteRule
from fer_models.classical.recipes import LgbmRecipe, SvmRecipe
from fer_models.recipe import MeanRecipe, Precision, Recipe

CARDS = Path(__file__).parent / "shipped" / "cards"
WEIGHTS = Path(__file__).parent / "shipped" / "weights"

AnyRecipe = Recipe | SvmRecipe | LgbmRecipe
"""Each kind has a field that the others lack, so a card's recipe is read as the right kind."""


class SubsetFigures(BaseModel):
    """A classifier on PublicTest, or on the part of it that is not also in Training.

    Attributes:
        n: images with a label.
        accuracy: share classified correctly, in [0, 1]; FER+ by majority rule.
        ci_low: lower bound of its 95 % interval.
        ci_high: upper bound.
        macro_f1: mean F1 over the classes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int
    accuracy: float
    ci_low: float
    ci_high: float
    macro_f1: float


class Measured(BaseModel):
    """Figures that `python -m evaluation.cards --write` measures for a shipped classifier.

    Attributes:
        all: figures on PublicTest.
        without_leaks: figures without images that occur pixel by pixel in Training.
        multiply_adds: multiplications of one image's forward pass; None where they are not counted.
        file_bytes: size of the weights file.
        milliseconds: time of one processor core per 48x48 face, in batches of 64.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    all: SubsetFigures
    without_leaks: SubsetFigures
    multiply_adds: int | None
    file_bytes: int
    milliseconds: float


class Card(BaseModel):
    """What is known of one trained classifier.

    Attributes:
        id: `ARCHITECTURE.LABEL_SET`.
        architecture: name in `architectures/registry.py` or `classical/recipes.py`, or
            `mean_of_nets`.
        label_set: labels it was trained on; also its class order.
        input_shape: native (H, W, C), pixels.
        parameters: trainable and fixed numbers of the model.
        recipe: hyper-parameters of the training, or the members of a mean.
        precision: arithmetic of the training.
        seed: seed of weights, order and augmentation.
        runs_tried: trainings that this one was chosen from, itself included; trials that were not
            measured on the faces of reports are not counted.
        training_rule: FER+ rule behind the training targets, None for FER.
        start_from: classifier whose layers, all but the last, were the start; empty: from scratch.
        teacher: classifier whose probabilities were part of the targets; empty: none.
        training_rows: images learnt from.
        epochs: epochs trained; 0 for classical classifiers, which learn all rows at once.
        best_epoch: the one whose weights are kept; 0 likewise.
        selected_on: what was chosen on which faces, in words.
        data_sha256: identity of the training rows.
        validation_accuracy: accuracy of the stored weights (float16) on the faces that chose the
            epoch, in [0, 1]; FER+ by majority rule. None when nothing was held out.
        validation_rows: how many of these faces have a label.
        weights_sha256: hash of the weights file, of a mean's members; loading refuses another.
        trained_against: settings of the attack of an adversarial training
            (`attacks/adversarial_training/adversary.py`); empty: learnt from clean images.
        note: one sentence on what is special.
        measured: figures of the shipped weights; None before they were measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    architecture: str
    label_set: LabelSet
    input_shape: tuple[int, int, int]
    parameters: int
    recipe: AnyRecipe | MeanRecipe
    precision: Precision
    seed: int
    runs_tried: int
    training_rule: VoteRule | None
    training_rows: int
    epochs: int
    best_epoch: int
    data_sha256: str
    validation_accuracy: float | None
    validation_rows: int
    weights_sha256: str
    start_from: str = ""
    teacher: str = ""
    trained_against: dict[str, str | int | float] = {}
    selected_on: str = ""
    note: str = ""
    measured: Measured | None = None


def weight_files(card: Card) -> list[Path]:
    """The files of a shipped classifier: its own, or those of the nets that it is the mean of."""
    ids = card.recipe.members if isinstance(card.recipe, MeanRecipe) else (card.id,)
    return [WEIGHTS / f"{model_id}.npz" for model_id in ids]


def read_card(path: Path) -> Card:
    """Read a card.

    Raises:
        InputError: missing, not JSON, or fields missing or unknown.
    """
    try:
        return Card.model_validate_json(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a model card, found no such file.") from error
    except (ValidationError, UnicodeDecodeError) as error:
        detail = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise InputError(f"{path}: expected a model card; {detail}.") from error


def write_card(card: Card, path: Path) -> None:
    """Write a card as JSON, atomically."""
    with atomic(path) as unfinished:
        unfinished.write_text(card.model_dump_json(indent=2) + "\n")
