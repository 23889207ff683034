"""Faces that a start or a teacher has learnt are no held-out faces, and the card says so."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from datasets.labels import LabelSet
from fer_models import zoo
from fer_models.training.learnt_before import may_know_held_out
from fer_models.training.settings import read_run
from tests.fer_models.training.tiny_architecture import main

pytestmark = pytest.mark.usefixtures("tiny_zoo")
CHOSEN = "epoch chosen on a held-out tenth of Training, 4 faces"
FINAL = f"{CHOSEN}, which these may have learnt: all"


def train(data: Path, out: Path, **options: Any) -> str:
    """Train for an epoch; return what its card says was chosen."""
    main(data, "tiny", LabelSet.FER, out=out, epochs=1, **options)
    return zoo.card_of(str(out))[0].selected_on


@pytest.mark.parametrize("option", ["start_from", "teacher"])
def test_a_net_trained_on_all_faces_knows_them(
    option: str, tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everything, nine_tenths = tmp_path / "all", tmp_path / "nine_tenths"
    train(data, everything, final=True)
    assert train(data, nine_tenths) == CHOSEN
    assert "held-out faces, so" not in capsys.readouterr().err
    assert train(data, tmp_path / "one", **{option: str(everything)}) == FINAL
    assert "tiny.fer: all may have learnt the held-out faces, so" in capsys.readouterr().err
    assert train(data, tmp_path / "two", **{option: str(nine_tenths)}) == CHOSEN
    assert train(data, tmp_path / "final", final=True, **{option: str(everything)}).startswith(
        "nothing"
    )
    assert "held-out faces, so" not in capsys.readouterr().err


def test_what_a_net_knows_its_pupil_may_know(tmp_path: Path, data: Path) -> None:
    train(data, tmp_path / "all", final=True)
    train(data, tmp_path / "one", teacher=str(tmp_path / "all"))
    said = train(data, tmp_path / "two", start_from=str(tmp_path / "one"))
    assert said == FINAL.replace(": all", ": one")


def test_each_is_named_once_and_one_that_is_gone_may_know(tmp_path: Path, data: Path) -> None:
    everything, work = tmp_path / "all", tmp_path / "work"
    train(data, everything, final=True)
    both = {"start_from": str(everything), "teacher": f"{everything},{everything}"}
    assert train(data, work, **both) == FINAL
    training = read_run(work / "settings.json")
    shutil.rmtree(everything)
    assert may_know_held_out(training) == ["all"]
    photographs = training.model_copy(update={"start_from": "backbone.keras", "teacher": ""})
    assert may_know_held_out(photographs) == []
