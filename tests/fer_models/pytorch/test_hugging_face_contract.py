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
