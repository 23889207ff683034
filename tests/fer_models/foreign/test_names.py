"""Hashes of folders, and modules that cannot be imported."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from fer_models.foreign import names
from fer_models.foreign.formats import open_model
from fer_models.foreign.names import contract_path, files_sha256, find_contract


def test_a_model_has_one_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_contract("net.h5") is None
    Path("net.h5.contract.json").touch()
    assert find_contract("net.h5") == contract_path("net.h5") == Path("net.h5.contract.json")
    Path("net.h5.contract.toml").touch()
    with pytest.raises(InputError, match=r"found net\.h5\.contract\.json and .*\.toml\. Keep one"):
        find_contract("net.h5")
    old = Path("own:net.contract.json")  # as code was once written
    old.touch()
    assert find_contract("own:net") == old
    Path("own.net.contract.toml").touch()
    with pytest.raises(InputError, match="own:net: expected one contract beside it"):
        find_contract("own:net")


def test_a_folder_is_hashed_with_its_weights(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    weights = tmp_path / "variables" / "variables.data"
    weights.write_bytes(b"1")
    first = files_sha256(str(tmp_path))
    weights.write_bytes(b"2")
    other = files_sha256(str(tmp_path))
    assert other != first
    for others in (".git", ".cache/huggingface", "runs/first", "checkpoint-500"):
        (tmp_path / others).mkdir(parents=True)  # of a clone, a client, a run, a trainer
        (tmp_path / others / "model.safetensors").write_bytes(b"now")
    assert files_sha256(str(tmp_path)) == other
    (tmp_path / ".gitattributes").write_bytes(b"*.bin lfs")
    assert files_sha256(str(tmp_path)) != other


def test_a_hugging_face_folder_is_hashed_by_what_is_read(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "README.md"):
        (tmp_path / name).write_bytes(b"1")
    first = files_sha256(str(tmp_path))
    for name in ("README.md", "optimizer.pt", "merges.txt"):  # a full download, a trainer
        (tmp_path / name).write_bytes(b"2")
    assert files_sha256(str(tmp_path)) == first
    (tmp_path / "preprocessor_config.json").write_bytes(b"2")
    assert files_sha256(str(tmp_path)) != first


def test_an_onnx_file_is_hashed_with_the_weights_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a subgraph too; a file that holds all its weights keeps its own hash."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    def answer(name: str, weight: float) -> Any:
        inside = numpy_helper.from_array(np.full(300, weight, np.float32), name)
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, [300])
        return helper.make_graph([], name, [], [output], [inside])

    def saved(weight: float, inner: float, beside: bool = True) -> str:
        branches = {"then_branch": answer("a", inner), "else_branch": answer("b", 0)}
        graph = answer("y", weight)
        graph.node.append(helper.make_node("If", ["x"], ["z"], **branches))
        for file in tmp_path.iterdir():
            file.unlink()
        options = {"save_as_external_data": beside, "location": "net.onnx.data"}
        onnx.save(helper.make_model(graph), tmp_path / "net.onnx", **options)
        return files_sha256(str(tmp_path / "net.onnx"))

    first = saved(1, 2)
    texts = {(tmp_path / "net.onnx").read_bytes()}
    assert saved(1, 2) == first
    assert len({first, saved(2, 2), saved(1, 3)}) == 3
    texts.add((tmp_path / "net.onnx").read_bytes())
    assert len(texts) == 1  # the difference lies in the other file
    alone = file_sha256(tmp_path / "net.onnx")
    (tmp_path / "net.onnx.data").unlink()
    assert files_sha256(str(tmp_path / "net.onnx")) == alone
    whole = saved(1, 2, beside=False)
    assert whole == file_sha256(tmp_path / "net.onnx")

    saved(1, 2)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"not installed \(onnx\): pip install -e '\.\[onnx\]'"):
        files_sha256(str(tmp_path / "net.onnx"))
    path = tmp_path / "damaged.onnx"
    monkeypatch.undo()
    path.write_bytes(b"location, and no more of a model")
    assert files_sha256(str(path)) == file_sha256(path)


def test_code_is_hashed_with_its_name_and_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another function of the same module is another model."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "twins.py").touch()
    (tmp_path / "weights.bin").write_bytes(b"1")
    weights = f"@{tmp_path / 'weights.bin'}"
    models = [f"twins:{name}{end}" for name in ("one", "other") for end in ("", weights)]
    assert len({files_sha256(name) for name in models}) == 4
    assert files_sha256(models[0]) == files_sha256(models[0])


def test_code_without_weights_reads_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once hashed all files of the folder that the command starts in."""
    (tmp_path / "alone.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    read: list[Path] = []

    def reading(path: Path) -> str:
        read.append(path)
        return file_sha256(path)

    monkeypatch.setattr(names, "file_sha256", reading)
    files_sha256("alone:net")
    assert read == [tmp_path / "alone.py"]


def test_code_that_dies_on_import_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in (
        ("cut_short", "def f(:"),
        ("raises", "raise RuntimeError('at import')"),
        ("leaves", "import sys; sys.exit(3)"),
    ):
        (tmp_path / f"{name}.py").write_text(text)
        with pytest.raises(
            InputError, match=f"{name}:f: expected module:callable; importing {name}"
        ):
            open_model(f"{name}:f")
    (tmp_path / "around").mkdir()
    (tmp_path / "around" / "__init__.py").write_text("unknown_name")
    (tmp_path / "around" / "inside.py").touch()
    for ask in (files_sha256, open_model):
        with pytest.raises(InputError, match=r"importing around\.inside raises NameError"):
            ask("around.inside:f")
    monkeypatch.setitem(sys.modules, "typed_in", ModuleType("typed_in"))  # no file behind it
    with pytest.raises(InputError, match="found no such module"):
        files_sha256("typed_in:f")
