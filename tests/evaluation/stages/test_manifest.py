"""What the manifest says of a run: its start, its models, and which of them are black boxes."""

import re
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

from datasets.labels import LabelSet
from evaluation.environment import Start
from evaluation.results.model_notes import class_notes
from evaluation.stages.manifest import manifest_of
from fer_models.classifier import Classifier
from fer_models.zoo import Description
from tests.evaluation import tiny


class BlackBox(Classifier):
    id, scheme, weights_sha256 = "box", tiny.FER7, "b" * 64

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return np.zeros((len(images), 7), np.float32)


def test_the_manifest_says_what_was_run() -> None:
    run = tiny.config(models=("tiny.fer", "box.onnx"))
    known = [Description("foreign", "fer", letter * 64, None, tiny.FER7.classes) for letter in "ab"]
    records = [{"perturbation": "pgd"}]
    start = Start.now("python -m evaluation.run --seed 1")
    net = tiny.classifier()
    box = BlackBox()
    box.no_gradients = "Round of opset 21 is not known"
    found = manifest_of(start, run, tiny.faces(), [net, box], known, records)
    assert found["command"] == "python -m evaluation.run --seed 1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", found["started"])
    assert 0 <= found["seconds"] < 60
    assert found["config"] == run.to_json() and found["perturbations"] == records
    assert found["data"]["rows"] == 40 and found["data"]["generated"] is False
    assert found["data"]["private_test_available"] is False
    private = manifest_of(start, run, tiny.faces(), [net, BlackBox()], known, records, True)
    assert private["data"]["private_test_available"] is True
    assert found["data"]["label_names"] == {} and found["data"]["notes"] == []
    own = replace(tiny.faces(), name="RAF-DB", own_labels=True, notes=("5 images left out",))
    data = manifest_of(start, run, own, [net, BlackBox()], known, records)["data"]
    assert data["label_names"] == {"fer": "RAF-DB", "ferplus": "RAF-DB votes"}
    assert data["notes"] == ["5 images left out"] and data["size"] == list(own.images.shape[1:])
    models = found["models"]
    assert {name: entry["black_box"] for name, entry in models.items()} == {
        "tiny.fer": False,
        "box": True,
    }
    assert models["tiny.fer"]["no_gradients"] == ""
    assert models["box"]["no_gradients"] == "Round of opset 21 is not known"
    assert models["tiny.fer"]["parameters"] == net.model.count_params()
    assert models["box"]["given_as"] == "box.onnx" and models["box"]["parameters"] is None


def test_a_net_on_labels_of_the_other_kind_says_which_faces_are_left_out() -> None:
    """Also a shipped one: seven classes on data with contempt only."""
    net, run = tiny.classifier(), tiny.config()
    known = [Description("tiny", "fer", "a" * 64, None, tiny.FER7.classes)]
    both, one = tiny.faces(), replace(tiny.faces(), fer=None, name="AffectNet", own_labels=True)
    contempt = int((one.labels(LabelSet.FERPLUS).values == 7).sum())
    assert contempt > 0
    start = Start.now("x")
    entry = manifest_of(start, run, one, [net], known, [])["models"]["tiny.fer"]
    assert entry["faces_left_out"] == {"ferplus": {"contempt": contempt}}
    [note] = class_notes({"tiny.fer": entry}, {"ferplus": "AffectNet"})
    assert "does not know contempt: " in note and f"({contempt} contempt)" in note
    assert "ranks compare models on the faces of both" in note
    entry = manifest_of(start, run, both, [net], known, [])["models"]["tiny.fer"]
    assert entry["faces_left_out"] == {} and class_notes({"tiny.fer": entry}) == []


def test_one_face_that_is_left_out_is_one_face() -> None:
    (note,) = class_notes({"net": {"faces_left_out": {"fer": {"sad": 0, "fear": 1}}}})
    assert "1 face with such FER labels is left out of its figures (0 sad, 1 fear)." in note


def test_a_package_that_another_replaces_does_not_end_a_run_that_has_measured_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(package: str) -> str:
        if package in ("opencv-python", "deadpan"):  # opencv-python-headless, a copied folder
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr("evaluation.environment.version", found)
    run, net = tiny.config(models=("tiny.fer",)), tiny.classifier()
    known = [Description("foreign", "fer", "a" * 64, None, tiny.FER7.classes)]
    made = manifest_of(Start.now("python"), run, tiny.faces(), [net], known, [])
    assert made["deadpan_version"] == "unknown"
    assert "opencv-python" not in made["environment"] and made["environment"]["numpy"]
