"""Trainings that cannot begin are refused in one line and leave nothing behind."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from attacks import train as attacks_train
from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.options import as_command
from datasets.faceset import Split
from datasets.ferplus import write_votes
from datasets.folders import write_folders
from datasets.labels import FERPLUS8, LabelSet
from datasets.votes import VoteRule
from fer_models import train, train_landmarks
from fer_models.training.start import start_from
from tests.datasets.factory import SPLITS, csv_lines, make_images, write_lines, write_source
from tests.fer_models.training.tiny_architecture import build, main

pytestmark = pytest.mark.usefixtures("tiny_zoo")


def without_votes(folder: Path) -> dict[str, Any]:
    (folder / "fer2013new.csv").unlink()
    return {"labels": LabelSet.FERPLUS}


def votes_alone(folder: Path) -> dict[str, Any]:
    """Faces with contempt, which have votes and no FER labels."""
    shutil.rmtree(folder)
    labels = np.arange(20) % 8
    pixels = make_images()[:20]
    write_folders(pixels, labels, FERPLUS8, np.arange(20), Split.TRAINING, folder)
    return {}


def one_photograph(folder: Path) -> dict[str, Any]:
    images = make_images()
    write_lines(folder / "fer2013.csv", csv_lines(np.repeat(images[:1], len(images), axis=0)))
    return {}


def other_labels_without_votes(folder: Path) -> dict[str, Any]:
    (folder / "fer2013new.csv").unlink()
    return {"other_labels": 0.5}


def votes_of_nobody(folder: Path) -> dict[str, Any]:
    write_votes(np.zeros((60, 10), np.uint8), SPLITS, folder / "fer2013new.csv")
    return {"labels": LabelSet.FERPLUS}


def misspelt_start(folder: Path) -> dict[str, Any]:
    return {"start_from": "tinny.fer"}


def share_without_teacher(folder: Path) -> dict[str, Any]:
    return {"teacher_share": 0.5}


def teacher_without_share(folder: Path) -> dict[str, Any]:
    return {"teacher": "tiny.fer", "teacher_share": 0.0}


def votes_for_fer(folder: Path) -> dict[str, Any]:
    return {"vote_rule": VoteRule.MAJORITY}


def early_stopping_of_a_final_one(folder: Path) -> dict[str, Any]:
    return {"final": True, "early_stopping": 3}


def large_batches(folder: Path) -> dict[str, Any]:
    return {"batch_size": 43}


def too_small_faces(folder: Path) -> dict[str, Any]:
    def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
        images = keras.Input(input_shape)
        return keras.Model(images, keras.layers.Conv2D(num_classes, 49)(images))

    sys.modules["tiny_architecture"].build = build  # type: ignore[attr-defined]
    return {}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            without_votes,
            "--labels ferplus needs such labels, but fer2013 has none. Give --votes FILE, or "
            "--labels fer",
        ),
        (votes_alone, "--labels fer needs such labels, but data has none. Give --labels ferplus"),
        (one_photograph, "two faces that are no near duplicates, .*; found 42 of one photograph"),
        (
            other_labels_without_votes,
            "above 0 learns ferplus labels beside fer; fer2013 has none. Give --other-labels 0, or",
        ),
        (votes_of_nobody, "Training: expected faces with ferplus labels, found none among 38"),
        (misspelt_start, "got 'tinny.fer'"),
        (share_without_teacher, "belong together; got no teacher and 0.5"),
        (teacher_without_share, "belong together; got tiny.fer and 0. Give both"),
        (votes_for_fer, "--vote-rule is for --labels ferplus; got majority with --labels fer"),
        (early_stopping_of_a_final_one, "stops it early; got --early-stopping 3. Leave one out"),
        (large_batches, "a batch must be at most the 38 Training faces .* got 43"),
        (too_small_faces, r"tiny cannot take faces of \(48, 48, 1\): .*negative"),
    ],
)
def test_a_refused_training_leaves_nothing_behind(
    spoil: Callable[[Path], dict[str, Any]], message: str, tmp_path: Path
) -> None:
    folder, work = write_source(tmp_path / "data"), tmp_path / "work"
    options = {"labels": LabelSet.FER, **spoil(folder)}
    with pytest.raises(InputError, match=message):
        main(folder, "tiny", out=work, **options)
    assert not work.exists()


def test_a_start_of_another_size_is_refused(tmp_path: Path, data: Path) -> None:
    main(data, "tiny", LabelSet.FER, out=tmp_path / "one")
    with pytest.raises(InputError, match=r"faces of \(24, 48, 1\); got .* of \(48, 48, 1\)"):
        start_from(build((24, 48, 1), 7), str(tmp_path / "one"))


def test_a_start_whose_weights_are_not_those_of_its_card_is_refused(
    tmp_path: Path, data: Path
) -> None:
    for name, seed in (("one", 0), ("other", 5)):
        main(data, "tiny", LabelSet.FER, out=tmp_path / name, epochs=1, seed=seed)
    (tmp_path / "other" / "weights.npz").replace(tmp_path / "one" / "weights.npz")
    with pytest.raises(InputError, match="The weights are not those the card describes"):
        main(data, "tiny", LabelSet.FER, out=tmp_path / "work", start_from=str(tmp_path / "one"))
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
@pytest.mark.parametrize(
    "command",
    [
        as_command(train.TrainRequest, train.main),
        as_command(attacks_train.AdversarialRequest, attacks_train.main),
        train_landmarks.main,
    ],
)
def test_a_seed_that_no_generator_takes_is_refused(
    command: Callable[..., object],
    seed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["train", "--data", "sample", "--seed", seed])
    with pytest.raises(SystemExit) as stopped:
        run(command, prog="train")
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert "'--seed': Input should be" in error and f"got '{seed}'" in error


@pytest.mark.parametrize("name", ["learning_rate", "l2", "other_labels"])
def test_a_number_that_is_none_is_refused(name: str, data: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {name: float("nan")}
    with pytest.raises(InputError, match="must be a finite number; got nan"):
        main(data, "tiny", LabelSet.FER, out=tmp_path / "work", **options)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "tiny"}, "name an architecture and its --labels, or give --all"),
        ({"labels": LabelSet.FER}, "name an architecture and its --labels, or give --all"),
        ({"everything": True, "name": "tiny"}, "--all takes no NAME"),
        ({"name": "tiny", "labels": LabelSet.FER, "budget": 1.0}, "--budget limits --all"),
        ({"name": "tinny", "labels": LabelSet.FER}, "Did you mean 'tiny'"),
    ],
)
def test_wrong_usage(data: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        main(data, **options)
