"""Attacked images in other forms: they load elsewhere, and say what 8-bit copies still break."""

import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import webdataset
import yaml
from PIL import Image

from attacks import generate
from attacks.sets import contents, sweep
from attacks.sets.contents import AdversarialSet
from attacks.sets.forms import parquet
from attacks.sets.forms import webdataset as shards
from attacks.sets.forms.form import Form
from attacks.sets.store import open_set
from datasets.faceset import Split
from datasets.folders import write_folders
from datasets.labels import FER7
from datasets.read import load
from fer_models import zoo
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from tests.attacks import tiny

NAME = "tiny.fer-fer-pgd-linf"
COUNT = 30


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 30 faces, three of them misclassified by a tiny net, `tiny.fer`."""
    classifier = wrap(tiny.conv(7).model, Contract(8, 8, 1, FER7), model_id="tiny.fer")
    monkeypatch.setattr(zoo, "_resolve_one", lambda name, known: [name])
    monkeypatch.setattr(zoo, "load", lambda model: classifier)
    pixels = np.rint(tiny.images(COUNT) * 255).astype(np.uint8)
    labels = classifier.predict(pixels.astype(np.float32) / np.float32(255))
    labels[:3] = (labels[:3] + 1) % 7
    folder = tmp_path / "faces"
    write_folders(pixels, labels, FER7, np.arange(10, 40), Split.PUBLIC_TEST, folder)
    return folder


def make(faces: Path, out: Path, form: Form, eps: str = "4/255", **options: Any) -> Path:
    """Attack the faces and return the folder of the set."""
    request = generate.GenerateRequest(
        data=faces, models="tiny.fer", out=out, eps=eps, steps=4, out_format=form, **options
    )
    generate.main(request)
    return out / NAME


def opened(folder: Path) -> AdversarialSet:
    made = open_set(folder)
    assert isinstance(made, AdversarialSet)
    return made


def wrong(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return zoo.load("").predict(images.astype(np.float32) / np.float32(255)) != labels


def test_a_folder_loads_in_keras_and_here_and_says_what_breaks(faces: Path, tmp_path: Path) -> None:
    folder = make(faces, tmp_path / "out", Form.IMAGEFOLDER, "1/255,4/255")
    made, place = opened(folder), folder / "imagefolder" / "eps-4-255"
    rows = pd.read_csv(place / "validation" / "metadata.csv")
    np.testing.assert_array_equal(rows["row"], made.row_ids)
    np.testing.assert_array_equal(rows["smallest_eps"], made.smallest_eps)
    np.testing.assert_array_equal(rows["wrong_float32"], made.success[:, 1])
    assert rows["file_name"][0] == f"{rows['label'][0]}/{rows['row'][0]}.png"
    assert rows["file"].tolist() == [f"PublicTest/{name}" for name in rows["file_name"]]
    assert set(rows["split"]) == {"PublicTest"}

    back = load(place, Split.PUBLIC_TEST, progress=False)
    np.testing.assert_array_equal(back.fer, made.labels)
    np.testing.assert_array_equal(wrong(back.images, made.labels), rows["wrong_8bit"])
    assert rows["wrong_8bit"].sum() > 3
    clean = load(faces, Split.PUBLIC_TEST, progress=False)
    clean = clean.take(np.searchsorted(clean.row_ids, made.row_ids))
    moved = np.abs(back.images.astype(int) - clean.images).max(axis=(1, 2, 3))
    np.testing.assert_allclose(rows["distance_8bit"], moved / 255, atol=1e-7)
    np.testing.assert_array_equal(rows["attacked"], moved > 0)
    assert moved.max() <= 4

    read = keras.utils.image_dataset_from_directory(
        place / "validation", color_mode="grayscale", image_size=(8, 8), shuffle=False
    )
    assert read.class_names == sorted(FER7.classes)
    pixels = np.concatenate([images.numpy() for images, _ in read])
    order = [f"{place / 'validation' / name}" for name in rows["file_name"]]
    of_keras = pixels[[read.file_paths.index(path) for path in order]]
    np.testing.assert_array_equal(of_keras, back.images)


def test_the_card_states_model_attack_and_success(faces: Path, tmp_path: Path) -> None:
    folder = make(faces, tmp_path / "out", Form.PARQUET, seed=3)
    made, place = opened(folder), folder / "parquet" / "eps-4-255"
    _, head, body = (place / "README.md").read_text().split("---\n", 2)
    values = yaml.safe_load(head)
    assert values["license"] == "other" and values["size_categories"] == ["n<1K"]
    (files,) = values["configs"][0]["data_files"]
    assert files["split"] == "validation" and [*place.glob(files["path"])]
    lines = [line for line in body.split("\n") if line.startswith("| ") and line != "| | |"]
    facts = dict(line.strip("| ").split(" | ") for line in lines)
    right = made.smallest_eps != 0
    table = pq.read_table(place / "data").to_pandas()
    assert facts["classified correctly without attack"] == str(right.sum()) == "27"
    assert facts["of these broken, float32 images"] == str((right & made.success[:, 0]).sum())
    assert facts["of these broken, 8-bit images (these files)"] == str(
        (right & table["wrong_8bit"]).sum()
    )
    assert facts["model"].startswith("tiny.fer, sha256 ") and facts["random seed"] == "3"
    assert facts["attack"].startswith("pgd (") and "steps 4" in facts["attack"]
    assert facts["norm, eps"] == "linf, 4/255" and "deadpan 0." in facts["made with"]
    assert "made on" not in facts and str(tmp_path) not in body
    assert "FER2013's terms apply" in body


def test_parquet_has_the_layout_of_hugging_face(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "SHARD_ROWS", 20)
    folder = make(faces, tmp_path / "out", Form.PARQUET)
    files = sorted((folder / "parquet" / "eps-4-255" / "data").iterdir())
    names = [f"validation-0000{index}-of-00002.parquet" for index in range(2)]
    assert [file.name for file in files] == names
    table = pq.read_table(files[0].parent)
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert set(features) == set(table.column_names)
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": list(FER7.classes), "_type": "ClassLabel"}
    assert features["smallest_eps"] == {"dtype": "float64", "_type": "Value"}
    rows, made = table.to_pylist(), opened(folder)
    assert [row["row"] for row in rows] == made.row_ids.tolist()
    assert [row["label"] for row in rows] == made.labels.tolist()
    robust = np.isnan(made.smallest_eps)
    assert [row["smallest_eps"] is None for row in rows] == robust.tolist()
    pictures = [Image.open(io.BytesIO(row["image"]["bytes"])) for row in rows]
    images = np.stack([np.asarray(picture) for picture in pictures])[..., None]
    np.testing.assert_array_equal(wrong(images, made.labels), [row["wrong_8bit"] for row in rows])


def test_shards_load_in_webdataset(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_ROWS", 20)
    folder = make(faces, tmp_path / "out", Form.WEBDATASET)
    place, made = folder / "webdataset" / "eps-4-255", opened(folder)
    assert '-{000000..000001}.tar"' in (place / "README.md").read_text()
    url = str(place / "data" / "validation-{000000..000001}.tar")
    read = webdataset.WebDataset(url, shardshuffle=False).decode("l8")
    samples = list(read.to_tuple("__key__", "png", "cls", "json"))
    assert [key for key, *_ in samples] == [f"{row:08d}" for row in made.row_ids]
    assert [label for _, _, label, _ in samples] == made.labels.tolist()
    images = np.stack([image for _, image, _, _ in samples])[..., None]
    known = [facts["wrong_8bit"] for *_, facts in samples]
    np.testing.assert_array_equal(wrong(images, made.labels), known)
    smallest = np.array([facts["smallest_eps"] for *_, facts in samples], float)
    np.testing.assert_allclose(smallest, made.smallest_eps, rtol=1e-14)


def test_8_bit_images_stay_within_eps(faces: Path, tmp_path: Path) -> None:
    """Half a step has no 8-bit image but the clean one; in L2, rounding may add up."""
    folder = make(faces, tmp_path / "a", Form.NPZ, "0.5/255")
    flags, made = pd.read_csv(folder / "success.csv"), opened(folder)
    assert flags["wrong at 0.5/255"].sum() > 3
    assert flags["wrong at 0.5/255 after 8 bits"].sum() == 3 == (made.smallest_eps == 0).sum()
    make(faces, tmp_path / "b", Form.IMAGEFOLDER, "0.05", norm="l2")
    place = tmp_path / "b" / "tiny.fer-fer-pgd-l2" / "imagefolder" / "eps-0.05"
    rows = pd.read_csv(place / "validation" / "metadata.csv")
    assert 0 < rows["distance_8bit"].max() <= 0.05 * (1 + 1e-6)


@pytest.mark.parametrize("form", list(Form))
def test_a_killed_command_that_is_repeated_writes_the_same_bytes(
    form: Form, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "BATCH_ROWS", 10)
    whole = make(faces, tmp_path / "whole", form, "1/255,4/255")
    kept, written = sweep.write_chunk, []

    def stop(*arguments: Any) -> None:
        kept(*arguments)
        written.append(1)
        if len(written) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(sweep, "write_chunk", stop)
        make(faces, tmp_path / "again", form, "1/255,4/255")
    half = tmp_path / "again" / NAME / form / ".unfinished-eps-1-255"  # killed while it wrote
    (half / "data").mkdir(parents=True)
    (half / "data" / "left.tar").write_text("half")
    again = make(faces, tmp_path / "again", form, "1/255,4/255")
    if form is not Form.NPZ:
        assert not half.exists()
        assert files_of(whole / form) == files_of(again / form) != {}
    assert files_of(whole, "*.png") == files_of(again, "*.png")
    assert files_of(whole, "success.csv") == files_of(again, "success.csv") != {}


def files_of(folder: Path, pattern: str = "*") -> dict[str, bytes]:
    found = (path for path in folder.rglob(pattern) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
