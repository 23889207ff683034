"""Faces in photographs: boxes with named probabilities, pictures, charts and a table."""

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.labels import FER7
from faces import detectors
from faces.box import Box
from faces.detector import Detector
from fer_models import predict as predicting
from fer_models import zoo
from fer_models.classifier import Classifier
from fer_models.explain import main as explain
from fer_models.face_pictures import annotated, caption, draw_chart, percent, shortened
from fer_models.face_predictions import FacePrediction, predict_faces
from fer_models.predict import main


class Bright(Detector):
    """Finds the rectangle of pure white."""

    name = "haar"

    def _find(self, image: np.ndarray) -> Iterable[Box]:
        rows, columns = np.nonzero((image == 255).all(axis=2))
        if not len(rows):
            return []
        left, top = columns.min(), rows.min()
        return [Box(left, top, columns.max() + 1 - left, rows.max() + 1 - top)]


class Even(Classifier):
    """Logits 0, ln 2, ln 4, ... for any face: the probabilities are 1, 2, 4, ... / 127."""

    id, scheme, weights_sha256 = "even.fer", FER7, ""

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        assert images.shape[1:] == (48, 48, 1)
        return np.tile(np.log(2.0 ** np.arange(7)).astype(np.float32), (len(images), 1))


def photograph() -> np.ndarray:
    image = np.full((120, 160, 3), 60, np.uint8)
    image[30:80, 100:150] = 255
    return image


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "make_detector", lambda *_, **__: Bright())
    monkeypatch.setattr(zoo, "load", lambda _: Even())
    monkeypatch.setattr(zoo, "describe", lambda _: None)


def test_boxes_with_named_probabilities() -> None:
    (face,) = predict_faces(photograph(), Even(), Bright())
    assert (face.box.x, face.box.y, face.box.width, face.box.height) == (100, 30, 50, 50)
    assert list(face.probabilities) == list(FER7.classes)
    assert face.probabilities["angry"] == pytest.approx(1 / 127)
    assert face.probabilities["neutral"] == pytest.approx(64 / 127)
    assert face.label == "neutral"
    assert face.ranked[1][0] == "surprise"
    assert (face.face == 255).all()
    assert predict_faces(np.zeros((50, 50, 3), np.uint8), Even(), Bright()) == []


def test_words() -> None:
    face = predict_faces(photograph(), Even(), Bright())[0]
    assert caption(face, 2) == "neutral 50 %, surprise 25 %"  # 64 / 127 and 32 / 127
    assert [percent(share) for share in (1.0, 0.006, 0.004)] == ["100 %", "1 %", "<1 %"]
    assert shortened("a" * 36) == "a" * 36
    assert len(shortened("a" * 60)) == 35


@pytest.mark.parametrize("x", [0, 150])
@pytest.mark.parametrize("y", [0, 60, 110])
def test_the_caption_stays_inside_the_picture(x: int, y: int) -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    shares = {"neutral": 0.6, "happy": 0.4}
    face = FacePrediction(Box(x, y, 10, 10), np.zeros((48, 48, 1), np.uint8), shares)
    picture = annotated(image, [face])
    assert picture.shape == image.shape
    assert (image == 0).all()
    rows, columns = np.nonzero((picture == [0x2F, 0x6D, 0xB5]).all(axis=2))
    assert len(rows) > 200
    assert (picture.min(axis=2) > 200).sum() > 20  # the letters
    assert np.ptp(columns) > 60


def test_the_chart_is_a_picture(tmp_path: Path) -> None:
    face = predict_faces(photograph(), Even(), Bright())[0]
    draw_chart(face, "title", tmp_path / "chart.png")
    with Image.open(tmp_path / "chart.png") as picture:
        assert min(picture.size) > 300


def test_names_of_files_are_no_formulas(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(photograph()).save(folder / "5$ and {$ 顔.png")
    assert main(folder, out=tmp_path / "out") == 0
    assert (tmp_path / "out" / "5$ and {$ 顔.png-face1.png").exists()


def test_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(photograph()).save(folder / "a.png")
    Image.fromarray(np.zeros((50, 50, 3), np.uint8)).save(folder / "b.png")
    (folder / "c.jpg").write_text("no picture")
    assert main(folder, out=out, top=2) == 1  # one photograph could not be read
    printed, log = capsys.readouterr()
    assert "a.png, face 1: neutral 50 %, surprise 25 %" in printed
    assert "faces: 1, photographs: 3;" in printed
    assert "b.png: haar finds no face. Try another --detector" in log
    assert "c.jpg: expected a whole photograph" in log
    names = {"predictions.csv", "a.png-faces.png", "a.png-face1.png"}
    assert {file.name for file in out.iterdir()} == names
    table = pd.read_csv(out / "predictions.csv")
    box = ["x", "y", "width", "height"]
    assert list(table.columns) == ["photo", "face", *box, "label", *FER7.classes]
    assert table.loc[0, ["photo", "face", *box, "label"]].tolist() == [
        "a.png", 1, 100, 30, 50, 50, "neutral"
    ]  # fmt: skip
    assert table.loc[0, list(FER7.classes)].sum() == pytest.approx(1, abs=1e-5)


def test_a_command_that_is_stopped_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(photograph()).save(tmp_path / name)
    drawn = predicting._draw

    def full(image: np.ndarray, faces: list[FacePrediction], photo: str, *rest: Any) -> None:
        if photo == "b.png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "b.png-faces.png")
        drawn(image, faces, photo, *rest)

    monkeypatch.setattr(predicting, "_draw", full)
    with pytest.raises(OSError, match="No space left"):
        main(tmp_path, out=tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "predictions.csv").photo.tolist() == ["a.png"]


@pytest.mark.parametrize("command", [main, lambda path, out: explain("even.fer", path, out)])
def test_the_folder_of_the_photographs_is_not_written_to(
    command: Callable[..., int], tmp_path: Path
) -> None:
    Image.fromarray(photograph()).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="--out must not be the folder of the photographs"):
        command(tmp_path, out=tmp_path / "." / "")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_one_photograph(tmp_path: Path) -> None:
    Image.fromarray(photograph()).save(tmp_path / "a.png")
    assert main(tmp_path / "a.png", out=tmp_path / "out") == 0
    Image.fromarray(np.zeros((50, 50, 3), np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"b\.png: haar finds no face"):
        main(tmp_path / "b.png", out=tmp_path / "out")
    (tmp_path / "c.png").write_text("no picture")
    with pytest.raises(InputError, match=r"c\.png: expected a whole photograph"):
        main(tmp_path / "c.png", out=tmp_path / "out")
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(tmp_path / "d.png")
    with pytest.raises(InputError, match=r"d\.png: .*at least 16x16"):
        main(tmp_path / "d.png", out=tmp_path / "out")


def test_a_cropped_face_needs_no_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the detector that is found by its name
    monkeypatch.setattr(zoo, "load", lambda _: Even())
    monkeypatch.setattr(zoo, "describe", lambda _: None)
    Image.fromarray(np.zeros((50, 60, 3), np.uint8)).save(tmp_path / "b.png")
    assert main(tmp_path / "b.png", out=tmp_path / "out", whole=True) == 0
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table.loc[0, ["x", "y", "width", "height"]].tolist() == [0, 0, 60, 50]


@pytest.mark.parametrize("command", [main, explain])
@pytest.mark.parametrize("option", ["--model", "--models"])
def test_both_spellings_name_the_model(
    command: Callable,
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.undo()
    (tmp_path / "a.png").touch()
    images = ["--images"] if command is explain else []
    monkeypatch.setattr("sys.argv", ["x", option, "nobody", *images, str(tmp_path / "a.png")])
    with pytest.raises(SystemExit):
        run(command, prog="python -m x")
    assert "'nobody'" in capsys.readouterr().err


def test_a_photograph_that_the_model_cannot_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are read."""

    class Dark(Even):
        def _batch_logits(self, images: np.ndarray) -> np.ndarray:
            return super()._batch_logits(images) / (images.min() > 0.9)

    monkeypatch.setattr(zoo, "load", lambda _: Dark())
    monkeypatch.setattr(Bright, "_find", lambda *_: [Box(100, 30, 50, 50)])
    Image.fromarray(np.zeros((120, 160, 3), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(photograph()).save(tmp_path / "b.png")
    with np.errstate(divide="ignore", invalid="ignore"):
        assert main(tmp_path, out=tmp_path / "out") == 1
    printed, log = capsys.readouterr()
    assert f"{tmp_path / 'a.png'}: even.fer answered NaN or infinity" in log
    assert "b.png, face 1: neutral" in printed


def test_a_model_that_tells_labels_only_gives_no_probability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Labels(Even):
        labels_only = True

        def _batch_logits(self, images: np.ndarray) -> np.ndarray:
            return np.tile(np.eye(7, dtype=np.float32)[3], (len(images), 1))

    (face,) = predict_faces(photograph(), Labels(), Bright())
    assert caption(face) == "happy" and face.label == "happy"
    monkeypatch.setattr(zoo, "load", lambda _: Labels())
    Image.fromarray(photograph()).save(tmp_path / "photo.png")
    assert main(tmp_path / "photo.png", out=tmp_path / "out") == 0
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table.label.tolist() == ["happy"] and table[list(FER7.classes)].isna().all(axis=None)
