"""Hugging Face folders with a contract file beside them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.base.errors import InputError
from fer_models import zoo
from fer_models.foreign.contract_file import contract_of
from fer_models.foreign.names import contract_path, short_name
from tests.fer_models.pytorch.test_hugging_face import (
    FER_ORDER,
    by_transformers,
    change,
    grey,
    hamming,
    normalised_twice,
    write_vit,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_vit(tmp_path / "vit")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (
            {"low": -1, "high": 1},
            r"says the rest: mean \(0.5, 0.5, 0.5\), std .* Write mean and std",
        ),
        ({"height": 16, "width": 16}, r"says the rest: crop_from \(32, 32\)\. Write crop_from too"),
    ],
)
def test_a_contract_file_gives_size_and_scaling_whole(
    folder: Path, own: dict[str, Any], words: str
) -> None:
    """Else -1 to 1 would become -3 to 1, and 16x16 pixels be cut out of 32x32."""
    change(folder / "preprocessor_config.json", size={"shortest_edge": 32})
    Path(f"{folder}.contract.json").write_text(json.dumps(own))
    with pytest.raises(InputError, match=words):
        contract_of(str(folder))
    whole = own | {"mean": [0, 0, 0], "std": [1, 1, 1], "crop_share": 1}
    Path(f"{folder}.contract.json").write_text(json.dumps(whole))
    file = contract_of(str(folder))
    assert {name: getattr(file, name) for name in own} == own


def test_what_a_refused_preprocessor_advises_helps(folder: Path) -> None:
    hamming(folder)
    with pytest.raises(InputError) as caught:
        zoo.load(str(folder))
    assert f"Write them in {folder}.contract.json, and remove this file." in str(caught.value)
    own = {"height": 32, "width": 32, "channels": 3, "low": -1, "high": 1}
    Path(f"{folder}.contract.json").write_text(json.dumps(own))
    (folder / "preprocessor_config.json").unlink()
    assert zoo.load(str(folder)).logits(grey(2, 32).astype(np.float32) / 255).shape == (2, 7)


def test_a_probed_contract_is_compared_with_the_preprocessor_too(folder: Path) -> None:
    """What `fer_models.probe` takes from a folder's files, it reads as a run does."""
    normalised_twice(folder)
    with pytest.raises(InputError, match="its preprocessor makes other pixels of a face"):
        zoo.load(str(folder), contract_of(str(folder)))


def test_a_net_that_was_not_trained_for_one_class_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each logit of a multi-label net is that of a sigmoid of its own."""
    images = grey(3, 32).astype(np.float32) / 255
    expected = zoo.load(str(folder)).logits(images)
    assert not capsys.readouterr().err
    change(folder / "config.json", problem_type="multi_label_classification")
    found = zoo.load(str(folder)).logits(images)
    assert "says multi_label_classification, not single_label_cl" in capsys.readouterr().err
    np.testing.assert_array_equal(found, expected)


def test_a_folder_is_named_by_itself_where_the_command_starts_inside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--models .`: its contract lies beside the folder all the same."""
    beside = f"{folder}.contract.json"
    Path(beside).write_text(json.dumps({"resampling": "nearest"}))
    monkeypatch.chdir(folder)
    assert contract_of(".") == contract_of(str(folder))
    assert (short_name("."), str(contract_path("."))) == ("vit", beside)
    (folder / "inside").mkdir()
    monkeypatch.chdir("inside")
    assert contract_of("..") == contract_of(str(folder))
    (folder / "preprocessor_config.json").write_text("[]")
    with pytest.raises(InputError, match=r"preprocessor_config\.json: expected the JSON"):
        contract_of("..")


def of_clip(folder: Path, **fields: Any) -> None:
    """The preprocessor of a folder as CLIP's were saved until 2022: sizes are bare numbers."""
    said: dict[str, Any] = {"do_resize": True, "size": 40, "do_center_crop": True, "crop_size": 32}
    said |= {"resample": 3, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(said | fields))


def test_a_size_that_is_one_number_is_read_as_its_preprocessor_reads_it(folder: Path) -> None:
    """CLIP's is the shorter side: faces that are not square keep their shape."""
    of_clip(folder, feature_extractor_type="CLIPFeatureExtractor")
    contract, _ = contract_of(str(folder)).contract()
    assert contract.keep_aspect and contract.resized == (40, 40)
    faces = grey(16, 48)[:, :36]
    found = zoo.load(str(folder)).logits(faces.astype(np.float32) / 255)
    expected = by_transformers(folder, faces)[:, FER_ORDER]
    np.testing.assert_allclose(found, expected, atol=0.05 * np.ptp(expected))
    of_clip(folder, feature_extractor_type="BeitFeatureExtractor")
    contract, _ = contract_of(str(folder)).contract()
    assert not contract.keep_aspect and contract.resized == (40, 40)
    zoo.load(str(folder))


def test_a_preprocessor_is_compared_on_faces_that_are_not_square(folder: Path) -> None:
    """Of squares, one that keeps their shape and one that does not make the same pixels."""
    of_clip(folder, feature_extractor_type="ChineseCLIPFeatureExtractor")
    with pytest.raises(InputError, match="its preprocessor makes other pixels of a face than"):
        zoo.load(str(folder))
