"""One training in its work folder: settings, the loop, and what comes out of it.

Writes `settings.json` first (a folder continues only the very same training), the files of
`fer_models/training/loop.py`, and at the end `weights.npz`, `card.json` and `history.png`.
"""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from datasets.base.locks import locked
from datasets.base.percentages import in_percent
from datasets.faceset import Split
from datasets.votes import VoteRule
from fer_models.architectures.registry import architecture
from fer_models.cards import CARDS, WEIGHTS, Card, write_card
from fer_models.classical.recipes import LgbmRecipe, SvmRecipe
from fer_models.recipe import Recipe, Schedule
from fer_models.training.batches import TrainingRows
from fer_models.training.curves import plot_history
from fer_models.training.learnt_before import line_of_known, may_know_held_out, with_known
from fer_models.training.loop import ROBUST_COLUMN, Adversary, best_epoch, fit
from fer_models.training.request import WORK, TrainingRequest
from fer_models.training.rows import TrainingFaces, labelled_rows
from fer_models.training.settings import (
    HASHES,
    TrainingRun,
    is_same,
    read_run,
    with_hashes,
    write_run,
)
from fer_models.training.start import start_from
from fer_models.training.teacher import Teacher, load_teacher
from fer_models.weights import write_arrays
from fer_models.zoo import listed_models, load_unverified

_NOT_ON_CARDS = {"start_from", "teacher", "recipe", "final", "held_out_sha256", *HASHES}
"""Fields of settings that a card lacks or writes in another way."""
WRITTEN = ("checkpoint.keras", "history.csv", "best.npz", "weights.npz", "card.json", "history.png")
"""Files of a work folder that begin with its `settings.json`."""


def _open_work_folder(
    work: Path, training: TrainingRun, faces: TrainingFaces, resume: bool
) -> None:
    """Start or continue: a folder continues only the very same training.

    Raises:
        InputError: the folder holds a training and `resume` is off, or holds another one, or files
            of something else, or the training cannot begin; then nothing is written.
    """
    path = work / "settings.json"
    if path.exists():
        if not resume:
            raise InputError(
                f"{work} holds a training already. Add --resume, or name another --out."
            )
        begun, kept = (work / "checkpoint.keras").exists(), read_run(path)
        if not is_same(kept, training, begun):
            older = "; an older version held out other faces" if kept.is_older else ""
            raise InputError(
                f"{path}: --resume continues the same training only, but the weights of --teacher "
                f"or --start-from, data or settings differ{older}. Name another --out."
            )
        if kept.is_older:
            print(
                f"{path} is of an older version and does not say which faces were held out: "
                "whether they are the same is not checked",
                file=sys.stderr,
            )
        return
    if strange := [name for name in WRITTEN if (work / name).exists()]:
        raise InputError(
            f"{work} must not hold {strange[0]} without the settings.json of a training: it would "
            "be replaced. Name another --out."
        )
    _check_begin(training, faces)
    write_run(with_hashes(training), path)


def _check_begin(training: TrainingRun, faces: TrainingFaces) -> None:
    """Refuse missing labels, too few faces, and a net or starting weights that do not fit them."""
    recipe, (rows, _) = training.recipe, _rows(training, faces)
    if not isinstance(recipe, Recipe):
        if training.final:
            raise InputError(
                f"--final trains neural nets only; got {training.architecture}, which needs "
                "held-out faces. Leave --final out."
            )
        return
    if training.final and recipe.schedule is Schedule.PLATEAU:
        raise InputError(
            "--final holds no faces out, so the learning rate cannot wait for a plateau. Add "
            "--schedule cosine."
        )
    if len(rows.images) < recipe.batch_size:
        raise InputError(
            f"a batch must be at most the {len(rows.images)} {faces.training.split} faces with "
            f"{training.labels} labels; got {recipe.batch_size}. Give --batch-size or more faces."
        )
    build, _ = architecture(training.architecture)
    shape = rows.images.shape[1:]
    try:
        model = build(shape, rows.targets.shape[1])
    except ValueError as error:
        detail = str(error).strip().split("\n")[0]
        raise InputError(
            f"{training.architecture} cannot take faces of {shape}: {detail}. Resize them."
        ) from error
    start_from(model, training.start_from)
    _teacher(training, recipe)


def _teacher(training: TrainingRun, recipe: Recipe) -> Teacher | None:
    """The teacher of a training, if it has one.

    Raises:
        InputError: it is unknown or of other labels, or has a share without a name or the reverse.
    """
    if bool(training.teacher) != (recipe.teacher_share > 0):
        raise InputError(
            "--teacher and a --teacher-share above 0 belong together; got "
            f"{training.teacher or 'no teacher'} and {recipe.teacher_share:g}. Give both, or none."
        )
    if not training.teacher:
        return None
    share = recipe.teacher_share
    return load_teacher(training.teacher, share, training.labels, training.precision)


def _rows(training: TrainingRun, faces: TrainingFaces) -> tuple[TrainingRows, TrainingRows | None]:
    """What is learnt from, and what epochs are chosen on.

    Raises:
        InputError: there are no such labels.
    """
    recipe, rule = training.recipe, training.training_rule or VoteRule.MAJORITY
    both = isinstance(recipe, Recipe) and recipe.other_labels > 0
    learnt = labelled_rows(faces.training, training.labels, rule, both)
    if faces.validation is None:
        return learnt, None
    return learnt, labelled_rows(faces.validation, training.labels, VoteRule.MAJORITY, both)


class EpochLines:
    """One line per epoch on standard error."""

    def __init__(self, epochs: int) -> None:
        self._epochs, self._then = epochs, time.monotonic()

    def __call__(self, line: dict[str, float]) -> None:
        """Print a row of the history."""
        now = time.monotonic()
        columns = {"accuracy": "accuracy", "held out": "val_accuracy", "attacked": ROBUST_COLUMN}
        told = [f"{name} {in_percent(line[c], 2)} %" for name, c in columns.items() if c in line]
        print(
            f"epoch {line['epoch']:.0f} of {self._epochs}: loss {line['loss']:.3f}, "
            f"{', '.join(told)}, {now - self._then:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        self._then = now


def carry_out(
    request: TrainingRequest,
    training: TrainingRun,
    faces: TrainingFaces,
    adversary: Callable[[keras.Model], Adversary] | None = None,
) -> None:
    """Train as a command asks, with a line per epoch, and print what came out; see `train`."""
    work = request.out or WORK / training.id
    card = train(
        training,
        faces,
        work,
        EpochLines(training.recipe.epochs),
        resume=request.resume,
        runs_tried=request.runs_tried,
        note=request.note,
        adversary=adversary,
    )
    show(card, work, request.shipping)


def train(
    training: TrainingRun,
    faces: TrainingFaces,
    work: Path,
    on_epoch: Callable[[dict[str, float]], None],
    *,
    resume: bool = False,
    runs_tried: int = 1,
    note: str = "",
    adversary: Callable[[keras.Model], Adversary] | None = None,
) -> Card:
    """Train, or continue, in a work folder; write settings, weights, card and curves.

    Args:
        training: what to train.
        faces: to learn from, and to choose the best epoch on.
        work: folder; locked from the first look into it to the end.
        on_epoch: called with the history row of every finished epoch; what it raises ends the
            training there, and the folder continues it later.
        resume: continue the training that the folder holds, if it holds one.
        runs_tried: for the card.
        note: for the card.
        adversary: makes the adversary of `training.trained_against`, see `fit`.

    Raises:
        InputError: another command trains in `work`, which holds a training already or another
            one, or the training cannot begin or has diverged.
    """
    with locked(work):
        _open_work_folder(work, training, faces, resume)
        recipe, (rows, validation) = training.recipe, _rows(training, faces)
        split, history = faces.training.split, list[dict[str, float]]()
        print(f"{training.id}: {len(rows.images)} training faces", file=sys.stderr)
        if validation is not None and (known := may_know_held_out(training)):
            print(f"{training.id}: {line_of_known(known)}", file=sys.stderr)
        if not isinstance(recipe, Recipe):
            from fer_models.classical.training import fit_classical

            assert validation is not None  # `_check_begin` refused a final one
            model = fit_classical(recipe, rows, validation, training.seed)
            write_arrays(model.arrays(), work / "weights.npz")
            size = model.count_params()
        else:
            shape, num_classes = rows.images.shape[1:], rows.targets.shape[1]
            build, _ = architecture(training.architecture)
            keras.config.set_dtype_policy(str(training.precision))
            try:
                history = fit(
                    lambda: start_from(build(shape, num_classes), training.start_from),
                    recipe,
                    rows,
                    validation,
                    work,
                    training.seed,
                    on_epoch,
                    adversary,
                    _teacher(training, recipe),
                )
            finally:
                keras.config.set_dtype_policy("float32")
            shutil.copyfile(work / "best.npz", work / "weights.npz")
            size = build(shape, num_classes).count_params()
        return finish(training, work, size, history, rows, validation, runs_tried, note, split)


def finish(
    training: TrainingRun,
    work: Path,
    parameters: int,
    history: list[dict[str, float]],
    rows: TrainingRows,
    validation: TrainingRows | None,
    runs_tried: int,
    note: str,
    split: Split,
) -> Card:
    """Measure the weights as stored, and write what is known of them."""
    weights = work / "weights.npz"
    card = Card(
        **training.model_dump(exclude=_NOT_ON_CARDS),
        recipe=training.recipe,
        start_from=Path(training.start_from).name,
        teacher=",".join(Path(name).name for name in listed_models(training.teacher)),
        architecture=training.architecture,
        label_set=training.labels,
        input_shape=rows.images.shape[1:],
        parameters=parameters,
        runs_tried=runs_tried,
        training_rows=len(rows.images),
        epochs=len(history),
        best_epoch=_kept_epoch(history, validation),
        selected_on=_selected_on(training, validation, split),
        validation_accuracy=None,
        validation_rows=0 if validation is None else len(validation.images),
        weights_sha256=file_sha256(weights),
        note=note,
    )
    classifier, title = load_unverified(card, weights), card.id
    if validation is not None:
        predicted = classifier.predict(validation.images.astype("float32") / 255)
        accuracy = float((predicted == validation.targets.argmax(axis=1)).mean())
        card = card.model_copy(update={"validation_accuracy": accuracy})
        title = f"{card.id}: {in_percent(accuracy, 1)} % on held-out faces"
    write_card(card, work / "card.json")
    if history:
        plot_history(history, title, work / "history.png")
    return card


def _kept_epoch(history: list[dict[str, float]], validation: TrainingRows | None) -> int:
    """Number of the epoch whose weights are kept; 0 for a model without epochs."""
    return best_epoch(history) if history and validation is not None else len(history)


def _selected_on(training: TrainingRun, validation: TrainingRows | None, split: Split) -> str:
    """What the card says was chosen on which faces."""
    if validation is None:
        return "nothing: trained on all faces for a fixed number of epochs"
    what = {LgbmRecipe: "number of trees", SvmRecipe: "scale of the logits"}
    chosen = what.get(type(training.recipe), "epoch")
    faces = f"{chosen} chosen on a held-out tenth of {split}, {len(validation.images)} faces"
    return with_known(faces, may_know_held_out(training))


def show(card: Card, work: Path, shipping: bool) -> None:
    """Print what came out of a training, and put it into the package when asked."""
    if shipping:
        ship(card, work)
    found = f"trained on all {card.training_rows} faces"
    if card.validation_accuracy is not None:
        right = in_percent(card.validation_accuracy, 2)
        found = f"{right} % of {card.validation_rows} held-out faces"
    epoch = f", epoch {card.best_epoch} of {card.epochs}" if card.epochs else ""
    print(f"{card.id}: {found}{epoch}; {work / 'weights.npz'}", flush=True)


def ship(card: Card, work: Path) -> None:
    """Put weights and card of a finished training into the package."""
    for folder in (CARDS, WEIGHTS):
        folder.mkdir(exist_ok=True)
    shutil.copyfile(work / "weights.npz", WEIGHTS / f"{card.id}.npz")
    write_card(card, CARDS / f"{card.id}.json")
