"""Models that know fewer classes than the labels, or others: figures by hand, words, no rank."""

from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from datasets.base.errors import InputError
from datasets.labels import FER7, LabelScheme, LabelSet
from evaluation.comparing.boards import leaderboards
from evaluation.comparing.ranking import run_rankings
from evaluation.config import AttackSettings
from evaluation.environment import Start
from evaluation.figures.models import model_figures
from evaluation.results.files import write_manifest
from evaluation.results.model_notes import class_notes, input_notes
from evaluation.results.run import FinishedRun
from evaluation.stages.manifest import manifest_of
from evaluation.stages.pipeline import evaluate_run
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.zoo import Description
from reports.markdown import render_markdown
from reports.page import render
from tests.evaluation import tiny

FIVE = LabelScheme("foreign", ("angry", "fear", "happy", "surprise", "neutral", "none"))
LACKING = ("disgust", "sad")
KNOWN = [FER7.classes.index(name) for name in FIVE.classes[:-1]]


def five() -> KerasClassifier:
    """The tiny FER net without two classes, and with one of its own that it often answers."""
    whole = tiny.classifier()
    logits = whole.model.outputs[0]
    own = ops.max(logits, axis=1, keepdims=True) - 0.1 + 0.2 * ops.sin(50 * logits[:, :1])
    columns = ops.concatenate([ops.take(logits, KNOWN, axis=1), own], axis=1)
    model = keras.Model(whole.model.inputs[0], columns)
    return wrap(model, Contract(8, 8, 1, FIVE), model_id="five")


@cache
def measured(folder: Path) -> FinishedRun:
    """A run of the five-class net beside the whole one, with its manifest."""
    classifiers = [five(), tiny.classifier()]
    transfer = AttackSettings.model_validate({"name": "transfer", "steps": 2})
    run = tiny.config(models=("five", "tiny.fer"), transfer=transfer)
    records = evaluate_run(run, tiny.faces(), classifiers, folder, None, tiny.SILENT)
    known = [
        Description("foreign", "fer", c.weights_sha256, None, c.scheme.classes) for c in classifiers
    ]
    start = Start.now("test")
    manifest = manifest_of(start, run, tiny.faces(), classifiers, known, records)
    write_manifest(manifest, folder / "manifest.json")
    return FinishedRun(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    return measured(tmp_path_factory.mktemp("five"))


def _by_hand() -> tuple[np.ndarray, np.ndarray]:
    """Faces whose FER label the net knows, and whether it answers it; by names."""
    faces = tiny.faces()
    assert faces.fer is not None
    truth = np.array(FER7.classes)[faces.fer]
    answers = np.array(FIVE.classes)[five().predict(faces.images.astype(np.float32) / 255)]
    assert (answers == "none").sum() > 3
    return ~np.isin(truth, LACKING), answers == truth


def test_faces_of_unknown_classes_are_left_out_and_other_answers_are_wrong(
    run: FinishedRun,
) -> None:
    kept, right = _by_hand()
    assert 0 < right[kept].sum() < kept.sum() < 40
    mine = run.results[run.results.model == "five"]
    row = tiny.figures(mine, "accuracy", label_set="fer", perturbation="none").iloc[0]
    assert (row.n, row.value) == (kept.sum(), pytest.approx(right[kept].mean()))
    worst = tiny.figures(mine, "robust_accuracy", label_set="fer", perturbation="worst_case")
    assert set(worst.n) == {kept.sum()}
    assert (worst.value <= row.value + 1e-12).all()
    corrupted = tiny.figures(mine, "accuracy", label_set="fer", perturbation="gaussian_noise")
    assert set(corrupted.n) == {kept.sum()}
    recall = mine[(mine.metric == "recall") & (mine.label_set == "fer")]
    of_unknown = recall[recall.subset.isin([f"class:{name}" for name in LACKING])]
    assert set(of_unknown.n) == {0} and of_unknown.value.isna().all()
    for metric in ("oracle_accuracy", "oracle_faces_accuracy"):
        found = mine[(mine.metric == metric) & (mine.subset == "all")]
        assert (found.n <= kept.sum()).all(), metric
    labels = run.per_image[(run.per_image.model == "five") & (run.per_image.label >= 0)]
    assert labels.label.max() < len(FIVE.classes) - 1, "no face is attacked as none"


def test_nothing_compares_it_with_models_of_all_classes(run: FinishedRun) -> None:
    assert run.comparisons.empty
    ranking = run_rankings(run)["fer"]
    assert set(ranking.ranges) == {"tiny.fer"} and ranking.order == ["tiny.fer", "five"]
    assert set(run.transfer.model) | set(run.transfer.source) == {"tiny.fer"}
    board = leaderboards([run])
    board = board[board.label_set == "fer"].set_index("model")
    assert board.best_rank.isna().to_dict() == {"tiny.fer": False, "five": True}
    alone = tiny.figures(run.results[run.results.model == "tiny.fer"], "accuracy", label_set="fer")
    assert set(alone.n) == {40}


def test_it_is_said_in_words(run: FinishedRun) -> None:
    fer = tiny.faces().fer
    assert fer is not None
    disgust, sad = ((fer == FER7.classes.index(name)).sum() for name in LACKING)
    [note, *others] = class_notes(run.manifest["models"])
    assert not others, "nothing to say of the whole model"
    assert note.startswith(
        f"five: It does not know disgust and sad: {disgust + sad} faces with such FER labels are "
        f"left out of its figures ({disgust} disgust, {sad} sad)."
    )
    assert "FER has no none: such answers count as wrong." in note
    assert "takes no rank" in note
    page, text = render(run), render_markdown(run)
    plain = text.replace("\\", "")
    for words in (note, "FER (5 of 7 classes)"):
        assert words in page
        assert words in plain
    inputs = input_notes(run.manifest["models"])
    assert len(inputs) == 2 and all(words in page for words in inputs)


def test_clean_figures_of_a_model_are_over_the_faces_it_knows() -> None:
    kept, right = _by_hand()
    row = model_figures("five", five(), tiny.faces())[0]
    assert (row.n, row.accuracy) == (kept.sum(), pytest.approx(right[kept].mean()))


def test_classes_that_are_no_emotions_are_refused(tmp_path: Path) -> None:
    cats = tiny.classifier(LabelScheme("foreign", ("tabby", "siamese")), "cats")
    with pytest.raises(InputError, match=r"cats: classes must be emotions .*; got tabby, siamese"):
        evaluate_run(tiny.config(), tiny.faces(), [cats], tmp_path, None, tiny.SILENT)


def test_contempt_in_any_place_under_fer_labels() -> None:
    """An eight-class net in alphabetical order: FER labels have no contempt, an answer is wrong."""
    names = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    scheme = LabelScheme("foreign", names)
    assert (scheme.label_set, scheme.is_whole) == (LabelSet.FERPLUS, True)
    assert scheme.beyond(LabelSet.FER) == ("contempt",)
