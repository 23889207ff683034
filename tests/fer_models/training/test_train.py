"""The training command: one classifier, and all of them within a budget; cut and continued."""

import dataclasses
import errno
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.base.locks import locked
from datasets.faceset import Split
from datasets.labels import LabelSet
from fer_models import architectures, zoo
from fer_models.classical.recipes import CLASSICAL
from fer_models.mean_of_nets import weights_of_members
from fer_models.recipe import Recipe, Schedule
from fer_models.training import queue
from fer_models.training.loop import read_history
from fer_models.training.queue import FIRST, pending
from fer_models.training.settings import HASHES
from tests.fer_models.training.tiny_architecture import main

pytestmark = pytest.mark.usefixtures("tiny_zoo")
LABELS = tuple(LabelSet)


def test_the_table_of_worth_names_what_exists() -> None:
    known = {path.stem for path in Path(architectures.__file__).parent.glob("*.py")}
    known |= set(CLASSICAL)
    assert {model_id.split(".")[0] for model_id in FIRST} <= known
    assert {model_id.split(".")[1] for model_id in FIRST} == set(LABELS)
    assert len(set(FIRST)) == len(FIRST)


def test_a_full_disk_ends_the_queue(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(queue, "train", full)
    with pytest.raises(OSError, match="No space left"):
        main(data, everything=True, out=tmp_path / "work")


def test_one_training_writes_ships_and_loads(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    main(data, "tiny", LabelSet.FER, out=work, shipping=True, note="toy")
    assert capsys.readouterr().out.startswith("tiny.fer: ")
    classifier = zoo.load("tiny.fer")
    assert classifier.logits(np.zeros((2, 48, 48, 1), np.float32)).shape == (2, 7)
    card, _ = zoo.card_of("tiny.fer")
    # 48x48 in 12x12 places of 4 x 4: 16 inputs; 16 * 4 + 4 and 4 * 7 + 7.
    assert (card.parameters, card.epochs, card.note) == (68 + 35, 2, "toy")
    settings = json.loads((work / "settings.json").read_text())
    assert list(settings) == [
        "id", "recipe", "precision", "seed", "training_rule", "start_from", "teacher",
        "data_sha256", "held_out_sha256", "start_from_sha256", "teacher_sha256",
        "trained_against", "final",
    ]  # fmt: skip
    assert settings["recipe"] == dataclasses.asdict(card.recipe)


@pytest.mark.parametrize("option", ["teacher", "start_from"])
def test_another_classifier_at_the_same_path_continues_no_training(
    option: str, tmp_path: Path, data: Path
) -> None:
    """The name alone is not what was learnt from."""
    work, source = tmp_path / "work", tmp_path / "source"
    for name, seed in (("source", 0), ("other", 5)):
        main(data, "tiny", LabelSet.FER, out=tmp_path / name, epochs=1, seed=seed)
    options: dict[str, Any] = {"out": work, "epochs": 1, option: str(source)}
    main(data, "tiny", LabelSet.FER, **options)
    main(data, "tiny", LabelSet.FER, resume=True, **options)
    shutil.rmtree(source)
    shutil.copytree(tmp_path / "other", source)
    if option == "start_from":  # nothing is read from it after the first epoch
        main(data, "tiny", LabelSet.FER, resume=True, **options)
        (work / "checkpoint.keras").unlink()
    with pytest.raises(InputError, match=r"the weights of --teacher or --start-from, .* differ"):
        main(data, "tiny", LabelSet.FER, resume=True, **options)
    settings = json.loads((work / "settings.json").read_text())
    assert settings[f"{option}_sha256"]
    old = {name: value for name, value in settings.items() if name not in HASHES}
    (work / "settings.json").write_text(json.dumps(old))
    main(data, "tiny", LabelSet.FER, resume=True, **options)  # as older versions wrote them


def test_the_last_weights_of_a_final_training_are_kept(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    options: dict[str, Any] = {"epochs": 3, "learning_rate": 0.0}
    main(data, "tiny", LabelSet.FER, out=work, final=True, **options)
    printed = capsys.readouterr()
    assert "trained on all 42 faces, epoch 3 of 3" in printed.out
    assert "held out" not in printed.err
    card, _ = zoo.card_of(str(work))
    assert (card.training_rows, card.epochs, card.best_epoch) == (42, 3, 3)
    assert (card.validation_accuracy, card.validation_rows) == (None, 0)
    assert card.selected_on == "nothing: trained on all faces for a fixed number of epochs"
    history = read_history(work / "history.csv")
    assert list(history[0]) == ["epoch", "learning_rate", "loss", "accuracy"]
    checkpoint = keras.models.load_model(work / "checkpoint.keras")
    kept = zoo.load_net(card, work / "weights.npz").model
    for one, other in zip(checkpoint.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)  # stored as float16
    with pytest.raises(InputError, match="settings differ"):
        main(data, "tiny", LabelSet.FER, out=work, resume=True, **options)


def test_a_training_with_augmix_has_an_id_of_its_own(tmp_path: Path, data: Path) -> None:
    main(data, "tiny", LabelSet.FER, out=tmp_path / "mixed", augmix=True, final=True)
    main(data, "tiny", LabelSet.FER, out=tmp_path / "plain", final=True)
    card, _ = zoo.card_of(str(tmp_path / "mixed"))
    assert (card.id, card.architecture) == ("tiny_augmix.fer", "tiny")
    assert isinstance(card.recipe, Recipe)
    assert card.recipe.augmix
    mixed, plain = (read_history(tmp_path / name / "history.csv") for name in ("mixed", "plain"))
    assert mixed[0]["loss"] != plain[0]["loss"]
    with pytest.raises(InputError, match="--all takes no NAME"):
        main(data, "", None, out=tmp_path / "all", everything=True, augmix=True)


def test_a_final_training_cannot_wait_for_a_plateau(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InputError, match="cannot wait for a plateau"):
        main(data, "tiny", LabelSet.FER, out=tmp_path, final=True, schedule=Schedule.PLATEAU)


def test_training_alone_is_enough_and_nothing_else_is_read(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(data / "fer2013.csv") as file:
        head, *lines = file.read().splitlines()
    alone = tmp_path / "train_only"
    alone.mkdir()
    kept = [line for line in lines if line.endswith("Training")]
    (alone / "fer2013.csv").write_text("\n".join([head, *kept]) + "\n")
    main(alone, "tiny", LabelSet.FER, out=tmp_path / "alone")
    main(data, "tiny", LabelSet.FER, out=tmp_path / "all")
    assert capsys.readouterr().out.count("of 4 held-out faces") == 2
    one, other = (zoo.card_of(str(tmp_path / name))[0] for name in ("alone", "all"))
    assert one.selected_on == "epoch chosen on a held-out tenth of Training, 4 faces"
    assert one.validation_accuracy == other.validation_accuracy  # the same tenth


def test_the_sample_trains(tmp_path: Path) -> None:
    main(Path("sample"), "tiny", LabelSet.FER, out=tmp_path, split=Split.SAMPLE, epochs=1)
    card, _ = zoo.card_of(str(tmp_path))
    assert card.epochs == 1
    assert card.selected_on.startswith("epoch chosen on a held-out tenth of Sample, ")


@pytest.mark.parametrize("split", [Split.PUBLIC_TEST, Split.PRIVATE_TEST, Split.TEST])
def test_splits_of_reports_are_not_learnt_from(tmp_path: Path, data: Path, split: Split) -> None:
    with pytest.raises(InputError, match=f"must be Training or Sample for training; got {split}"):
        main(data, "tiny", LabelSet.FER, out=tmp_path, split=split)


def test_a_folder_continues_only_its_own_training(tmp_path: Path, data: Path) -> None:
    work = tmp_path / "work"
    main(data, "tiny", LabelSet.FER, out=work)
    with pytest.raises(InputError, match=r"holds a training already\. Add --resume"):
        main(data, "tiny", LabelSet.FER, out=work)
    with pytest.raises(InputError, match="--resume continues the same training only"):
        main(data, "tiny", LabelSet.FER, out=work, resume=True, seed=1)
    with locked(work), pytest.raises(InputError, match="another command is writing there"):
        main(data, "tiny", LabelSet.FER, out=work, resume=True)
    main(data, "tiny", LabelSet.FER, out=work, resume=True)


def test_a_folder_of_before_a_recipe_grew_goes_on(tmp_path: Path, data: Path) -> None:
    work = tmp_path / "work"
    main(data, "tiny", LabelSet.FER, out=work)
    settings = json.loads((work / "settings.json").read_text())
    del settings["recipe"]["other_labels"]
    (work / "settings.json").write_text(json.dumps(settings))
    main(data, "tiny", LabelSet.FER, out=work, resume=True)


def test_damaged_settings_are_refused(tmp_path: Path, data: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(InputError, match=r"settings\.json: expected the settings of a training"):
        main(data, "tiny", LabelSet.FER, out=tmp_path, resume=True)


def test_another_architecture_is_no_start(tmp_path: Path, data: Path) -> None:
    main(data, "tiny", LabelSet.FER, out=tmp_path / "one")
    main(data, "tiny", LabelSet.FER, out=tmp_path / "two", start_from=str(tmp_path / "one"))
    card = json.loads((tmp_path / "one" / "card.json").read_text())
    (tmp_path / "one" / "card.json").write_text(json.dumps({**card, "architecture": "other"}))
    with pytest.raises(InputError, match=r"must be a classifier of architecture tiny; got .*other"):
        main(data, "tiny", LabelSet.FER, out=tmp_path / "three", start_from=str(tmp_path / "one"))


def test_all_trains_what_is_missing(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "training"
    main(data, "tiny", LabelSet.FER, out=tmp_path / "shipped", shipping=True)
    assert pending(folder, LABELS) == ["tiny.ferplus"]
    capsys.readouterr()
    assert main(data, everything=True, out=folder) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("tiny.ferplus: ")
    assert pending(folder, LABELS) == []
    assert main(data, everything=True, out=folder) == 0
    assert capsys.readouterr().out == ""


def test_the_budget_ends_after_an_epoch_and_the_rest_goes_on(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(data, everything=True, out=tmp_path / "t", budget=0) == 0
    assert "tiny.fer (0 epochs done), tiny.ferplus (0 epochs done)" in capsys.readouterr().out
    assert main(data, everything=True, out=tmp_path / "t", budget=1e-5) == 0
    assert "tiny.fer (1 epochs done), tiny.ferplus (0 epochs done)" in capsys.readouterr().out
    assert main(data, everything=True, out=tmp_path / "t", seed=5) == 0  # its folder's seed stays
    out = capsys.readouterr().out
    assert "tiny.fer: " in out
    assert "tiny.ferplus: " in out
    seeds = [
        zoo.card_of(str(tmp_path / "t" / name))[0].seed for name in ("tiny.fer", "tiny.ferplus")
    ]
    assert seeds == [0, 5]


def test_one_that_dies_does_not_stop_the_others(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.fer").mkdir()
    (tmp_path / "tiny.fer" / "settings.json").write_text("{}")
    assert main(data, everything=True, out=tmp_path) == 1
    out, err = capsys.readouterr()
    assert "failed: tiny.fer" in out
    assert "tiny.ferplus: " in out
    assert "tiny.fer: " in err

    def broken(*_: object) -> keras.Model:
        raise ValueError("no such layer")

    monkeypatch.setattr(sys.modules["tiny_architecture"], "build", broken)
    (tmp_path / "tiny.fer" / "settings.json").unlink()
    assert main(data, everything=True, out=tmp_path) == 1
    assert "no such layer" in capsys.readouterr().err


def test_other_data_does_not_continue_a_training(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(data, everything=True, labels=LabelSet.FER, out=tmp_path / "t", budget=1e-5)
    settings = tmp_path / "t" / "tiny.fer" / "settings.json"
    written = json.loads(settings.read_text())
    settings.write_text(json.dumps({**written, "data_sha256": "another"}))
    assert main(data, everything=True, labels=LabelSet.FER, out=tmp_path / "t") == 1
    assert "was begun with other data" in capsys.readouterr().err


def test_a_teacher_stands_in_settings_and_card(tmp_path: Path, data: Path) -> None:
    main(data, "tiny", LabelSet.FER, out=tmp_path / "one")
    main(data, "tiny", LabelSet.FER, out=tmp_path / "two", teacher=str(tmp_path / "one"))
    card, _ = zoo.card_of(str(tmp_path / "two"))
    assert isinstance(card.recipe, Recipe)
    assert (card.teacher, card.recipe.teacher_share) == ("one", 0.5)
    settings = json.loads((tmp_path / "two" / "settings.json").read_text())
    assert settings["teacher"] == str(tmp_path / "one")


def test_several_teachers_stand_in_settings_and_card(tmp_path: Path, data: Path) -> None:
    for name, seed in (("one", 0), ("two", 1)):
        main(data, "tiny", LabelSet.FER, out=tmp_path / name, epochs=1, seed=seed)
    both = f"{tmp_path / 'one'},{tmp_path / 'two'}"
    options: dict[str, Any] = {"out": tmp_path / "three", "epochs": 1, "teacher": both}
    main(data, "tiny", LabelSet.FER, **options)
    assert zoo.card_of(str(tmp_path / "three"))[0].teacher == "one,two"
    settings = json.loads((tmp_path / "three" / "settings.json").read_text())
    hashes = [zoo.describe(str(tmp_path / name)).weights_sha256 for name in ("one", "two")]
    assert settings["teacher_sha256"] == weights_of_members(hashes)
    other = f"{tmp_path / 'one'},nobody.fer"
    with pytest.raises(InputError, match=r"nobody\.fer"):
        main(data, "tiny", LabelSet.FER, out=tmp_path / "four", teacher=other)
