"""Models of others in a run: contracts that are found and kept, ids that differ."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, FERPLUS8, LabelScheme, LabelSet
from evaluation import api
from evaluation.stages import foreign_models
from evaluation.stages.foreign_models import (
    Contracts,
    contracts_of,
    keep_contracts,
    name_apart,
    refuse_other_contract,
)
from evaluation.stages.pipeline import evaluate_run
from evaluation.stages.run_folder import CONTRACTS
from fer_models import zoo
from fer_models.defences.base import defend
from fer_models.defences.bit_depth import BitDepth
from fer_models.foreign import contract_probe
from fer_models.foreign.contract_file import PartialContract, write_contract
from fer_models.foreign.raw_model import RawModel
from fer_models.zoo import load
from tests.evaluation import tiny

ORDER = [3, 1, 0, 2, 6, 5, 4]


def flagged_faces(count: int = 210) -> FaceSet:
    """Faces whose brightest pixel stands in the column of their label."""
    labels = np.arange(count) % 7
    images = np.random.default_rng(0).integers(0, 230, (count, 8, 8, 1)).astype(np.uint8)
    images[np.arange(count), 0, labels, 0] = 255
    return FaceSet("flags", Split.PUBLIC_TEST, images, np.arange(count), fer=labels)


def reads_signed_pixels(name: str) -> RawModel:
    """Right for pixels from -1 to 1 only; its outputs stand in another order."""

    def call(images: np.ndarray) -> np.ndarray:
        if abs(images.min() + 1) > 0.05 or images.max() > 1.5:
            return np.eye(7, dtype=np.float32)[np.arange(len(images)) % 5]
        return 9 * images[:, 0, :7, 0][:, ORDER]

    return RawModel(name, call, (8, 8, 1), None, "0")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that were opened."""
    names: list[str] = []

    def open_model(name: str) -> RawModel:
        names.append(name)
        return reads_signed_pixels(name)

    monkeypatch.setattr(foreign_models, "open_model", open_model)
    return names


def test_a_missing_contract_is_found_told_and_kept(tmp_path: Path, opened: list[str]) -> None:
    path, lines = str(tmp_path / "net.onnx"), list[str]()
    models = ["simple_cnn.fer", path, f"{path}+jpeg75"]
    found = contracts_of(models, flagged_faces(), tmp_path, lines.append)
    assert opened == [path]
    assert (found[path].low, found[path].high) == (-1, 1)
    assert found[path].classes == tuple(FER7.classes[i] for i in ORDER)
    assert f"{path}: 100.0 % of 210 faces" in lines[-1]
    assert "scaling   -1 to 1" in lines[-1]
    keep_contracts(found, tmp_path)
    assert contracts_of([path], flagged_faces(), tmp_path, lines.append) == found
    assert opened == [path]  # the resumed run reads what the first one found
    assert len([line for line in lines if "found by probing" in line]) == 1


def test_a_resumed_run_refuses_a_contract_file_that_was_edited(
    tmp_path: Path, opened: list[str]
) -> None:
    """What the run found was found with the file as it was."""
    path, beside = str(tmp_path / "net.onnx"), tmp_path / "net.onnx.contract.json"
    classes = [FER7.classes[i] for i in ORDER]
    said = {"classes": classes, "output": "logits"}
    Path(path).touch()
    beside.write_text(json.dumps(said))

    def resumed() -> Contracts:
        return contracts_of([path], flagged_faces(), tmp_path, lambda _: None)

    found = resumed()
    keep_contracts(found, tmp_path)
    assert resumed() == found
    for edited, fields in (
        (said | {"classes": classes[1:] + classes[:1]}, "classes"),
        (said | {"classes": classes[::-1], "output": "probabilities"}, "classes and output"),
        (said | {"low": 0}, "low"),
        ({"classes": classes}, "output"),
    ):
        beside.write_text(json.dumps(edited))
        keep_contracts(found, tmp_path)  # does not take the edited file for that of the run
        with pytest.raises(InputError, match=f"something else of {fields}\\. Restore it") as caught:
            resumed()
        assert "\n" not in str(caught.value)
    write_contract(found[path], beside)  # completed by what was found
    refuse_other_contract(path, tmp_path)
    write_contract(found[path].model_copy(update={"high": 2.0}), beside)
    with pytest.raises(InputError, match="something else of high"):
        refuse_other_contract(path, tmp_path)
    beside.write_text("{}")
    (known,) = (tmp_path / CONTRACTS).glob("*.known.json")
    known.unlink()  # a run of an older version
    assert resumed() == found


def test_more_faces_are_asked_where_some_do_not_tell(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []

    def probe_on(raw: RawModel, faces: FaceSet, count: int, *_: object) -> tuple[str, list[str]]:
        counts.append(count)
        raise contract_probe.UnsureError("cannot tell")

    monkeypatch.setattr(foreign_models, "probe_on", probe_on)
    with pytest.raises(InputError, match="cannot tell"):
        contracts_of([str(tmp_path / "net.onnx")], flagged_faces(), tmp_path, lambda _: None)
    assert counts == [400, 1200]
    with pytest.raises(InputError, match="cannot tell"):
        contracts_of([str(tmp_path / "net.onnx")], flagged_faces(), tmp_path, lambda _: None, 30)
    assert counts == [400, 1200, 30]  # as many as the user asked for


def test_a_contract_beside_the_model_is_left_to_it(tmp_path: Path, opened: list[str]) -> None:
    path = tmp_path / "net.onnx"
    found = contracts_of([str(path)], flagged_faces(), tmp_path, lambda _: None)
    write_contract(found[str(path)], tmp_path / "net.onnx.contract.json")
    assert contracts_of([str(path)], flagged_faces(), tmp_path, lambda _: None) == {}
    assert opened == [str(path)]


def test_faces_without_the_models_labels_are_refused(tmp_path: Path, opened: list[str]) -> None:
    faces = tiny.faces()
    blind = FaceSet("votes", faces.split, faces.images, faces.row_ids, votes=faces.votes)
    with pytest.raises(InputError, match="votes has no fer labels to find their order by"):
        contracts_of([str(tmp_path / "net.onnx")], blind, tmp_path, lambda _: None)


@pytest.mark.parametrize("known", [PartialContract(), PartialContract(classes=FER7.classes)])
def test_an_order_that_no_contract_names_must_fit_the_faces(
    known: PartialContract, tmp_path: Path
) -> None:
    """The probe found an order on other faces; on these, another one has all of them right."""
    path = tmp_path / "net.keras"
    path.touch()
    if known.classes:
        path.with_name("net.keras.contract.json").write_text(known.model_dump_json())
    net, faces = tiny.classifier(model_id="net"), tiny.faces()
    right = net.predict(faces.images.astype(np.float32) / 255)
    moved = replace(faces, fer=(right + 1) % 7)
    run = tiny.config(models=(str(path),), corruptions=(), labels=(LabelSet.FER,))
    if known.classes:  # a contract is only flagged
        evaluate_run(run, moved, [net], tmp_path, None, tiny.SILENT)
        return
    with pytest.raises(InputError, match=r"no contract says its class order, .* Another order of"):
        evaluate_run(run, moved, [net], tmp_path, None, tiny.SILENT)


@pytest.mark.parametrize("first", [True, False])
def test_no_other_net_takes_the_id_of_a_shipped_one(first: bool) -> None:
    shipped = load("mini_xception.fer+jpeg75")
    other = tiny.classifier(model_id="mini_xception.fer")
    name_apart([shipped, other] if first else [other, shipped])
    assert (shipped.id, other.id) == ("mini_xception.fer+jpeg75", "mini_xception.fer-2")
    defended = defend(tiny.classifier(model_id="mini_xception.fer"), BitDepth(3), "bits3")
    name_apart([defended])
    assert defended.id == "mini_xception.fer-2+bits3"


def test_ids_that_stand_twice_are_numbered() -> None:
    models = [tiny.classifier(model_id=name) for name in ("net", "net", "net+jpeg75", "net+jpeg75")]
    name_apart(models)
    assert [model.id for model in models] == ["net", "net-2", "net+jpeg75", "net-2+jpeg75"]


def test_a_hugging_face_folder_of_another_order_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its `id2label` is trusted only as far as labelled faces agree; a contract file's is not."""
    said = {"names": False}
    for name, answer in (("is_hugging_face", True), ("has_whole_contract", True)):
        monkeypatch.setattr(foreign_models, name, lambda _, answer=answer: answer)
    monkeypatch.setattr(foreign_models, "is_foreign", lambda _: True)
    monkeypatch.setattr(foreign_models, "names_classes", lambda _: said["names"])
    right = tiny.classifier()
    monkeypatch.setattr(foreign_models, "load", lambda _: right)
    faces = tiny.faces(210)
    assert contracts_of(["hf:someone/net"], faces, tmp_path, print) == {}
    swapped = (*FER7.classes[:3], "sad", "happy", *FER7.classes[5:])
    right.scheme = LabelScheme("foreign", swapped)
    words = (
        r"hf:someone/net: Another order .*: what it calls sad is happy, happy is sad\. .*`classes`"
    )
    with pytest.raises(InputError, match=words) as caught:
        contracts_of(["hf:someone/net"], faces, tmp_path, print)
    assert "\n" not in str(caught.value)
    votes = np.zeros((len(faces), 10), np.uint8)
    votes[np.arange(len(faces)), faces.labels(LabelSet.FER).to(FERPLUS8).values] = 10
    with pytest.raises(InputError, match=words):  # data without the label set of the folder
        contracts_of(["hf:someone/net"], replace(faces, fer=None, votes=votes), tmp_path, print)
    said["names"] = True
    assert contracts_of(["hf:someone/net"], faces, tmp_path, print) == {}


def test_models_of_one_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "load", lambda name, *_: tiny.classifier(model_id=Path(name).stem))
    _, said = api._load(["a/net.pt2", "net.ts", "other.keras"], {}, tiny.faces())
    assert said == ["net is a/net.pt2", "net-2 is net.ts"]
