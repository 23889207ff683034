"""What is refused of PyTorch, each in one line, and that no pickle is ever opened."""

import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from datasets.base.errors import InputError
from fer_models.foreign.classifier import load_foreign
from fer_models.foreign.formats import open_model
from fer_models.foreign.names import is_foreign
from tests.fer_models.pytorch.nets import tiny_module
from tests.fer_models.pytorch.test_readers import (
    CODE,
    FILE,
    export,
    script,
    state,
    tiny_export,
    trace,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
RAN: list[str] = []


class Trap:
    """Notes when it is unpickled."""

    def __reduce__(self) -> tuple:
        return RAN.append, ("ran",)


def refused(name: str, message: str) -> None:
    assert is_foreign(name)
    with pytest.raises(InputError, match=message) as error:
        load_foreign(name, FILE)
    assert "\n" not in str(error.value)
    assert not RAN


def dump(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def save_trap(path: Path) -> None:
    torch.save({"net": Trap()}, path)


def save_whole(path: Path) -> None:
    torch.save(tiny_module(), path)


@pytest.mark.parametrize("save", [dump, save_trap, save_whole])
@pytest.mark.parametrize(
    "file", ["a.pt", "a.pth", "a.pkl", "a.bin", f"{CODE}@a.pt", f"{CODE}@a.pkl"]
)
def test_a_pickle_is_never_opened(
    save: Callable[[Path], None], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / file.rpartition("@")[2])
    refused(
        file,
        r"a\.\w+: must not be a pickle of Python .* Save net.state_dict\(\) .* a function of im",
    )


@pytest.mark.parametrize(
    "part", ["sample_inputs/model.pt", "weights/model.pt", "constants/model.pt"]
)
def test_no_pickle_inside_an_export_is_opened(part: str, tmp_path: Path) -> None:
    tiny_export(tiny_module(), tmp_path / "whole.pt2")
    save_trap(tmp_path / "trap.pt")
    with ZipFile(tmp_path / "whole.pt2") as whole, ZipFile(tmp_path / "net.pt2", "w") as changed:
        for name in whole.namelist():
            if not name.endswith(part):
                changed.writestr(name, whole.read(name))
        root = whole.namelist()[0].partition("/")[0]
        changed.writestr(f"{root}/data/{part}", (tmp_path / "trap.pt").read_bytes())
    refused(str(tmp_path / "net.pt2"), "must be a graph and tensors; it holds Python objects or")


@pytest.mark.parametrize("part", ["data/constants/opaque_obj_0", "data/aotinductor/model/a.so"])
def test_objects_and_machine_code_in_an_export_are_refused(part: str, tmp_path: Path) -> None:
    tiny_export(tiny_module(), tmp_path / "net.pt2")
    with ZipFile(tmp_path / "net.pt2", "a") as archive:
        archive.writestr(f"net/{part}", b"")
    refused(str(tmp_path / "net.pt2"), "must be a graph and tensors; it holds Python objects or")


def test_an_export_of_a_fixed_number_of_images_is_refused(tmp_path: Path) -> None:
    export(tiny_module(), tmp_path / "two.pt2", strict=False)
    few = ({0: torch.export.Dim("batch", max=50)},)
    export(tiny_module(), tmp_path / "few.pt2", dynamic_shapes=few)
    refused(str(tmp_path / "two.pt2"), r"takes exactly 2\. Export it by .*dynamic_shapes=\(\{0: ")
    refused(str(tmp_path / "few.pt2"), r"must take up to 128 images; it takes 50 at most\. Export")


class Cast(nn.Module):
    """The tiny net of whole numbers, or of images with channels last."""

    def __init__(self, channels_last: bool) -> None:
        super().__init__()
        self.net, self.channels_last = tiny_module(), channels_last

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images.permute(0, 3, 1, 2) if self.channels_last else images.float())


def test_an_export_of_other_images_says_how_it_must_take_them(tmp_path: Path) -> None:
    batch, path = ({0: torch.export.Dim("batch")},), tmp_path / "net.pt2"
    for channels_last, images, message in (
        (
            True,
            torch.zeros(2, 8, 8, 1),
            r"takes \(N, 8, 8, 1\), channels last\. Export a net around it that calls it with im",
        ),
        (
            False,
            torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
            r"its input holds uint8\. Export it with float32 images, and write \"high\": 255 into",
        ),
    ):
        net = Cast(channels_last).eval()
        torch.export.save(torch.export.export(net, (images,), dynamic_shapes=batch), path)
        refused(str(path), message)


CAST = Cast(channels_last=True)


def test_a_net_of_channels_last_is_told_how_it_is_called() -> None:
    refused(
        f"{__name__}:CAST", r"it takes \(N, h, w, c\), channels last\. Save a net around it that"
    )


def test_a_graph_saved_while_training_is_refused(tmp_path: Path) -> None:
    export(tiny_module().train(), tmp_path / "net.pt2")
    trace(tiny_module().train(), tmp_path / "net.pt")
    refused(
        str(tmp_path / "net.pt2"), r"it drops out or trains\. Export it after net\.eval.*track_run"
    )
    refused(str(tmp_path / "net.pt"), r"it drops out or trains\. Trace it after net\.eval")
    script(tiny_module().train(), tmp_path / "net.ts")
    assert load_foreign(str(tmp_path / "net.ts"), FILE)


def test_other_channels_than_those_of_the_contract_are_named(tmp_path: Path) -> None:
    """In the same words for TorchScript, which does not say its size, as for an export."""
    net, images = tiny_module(channels=3), torch.zeros(2, 3, 8, 8)
    batch = ({0: torch.export.Dim("batch")},)
    script(net, tmp_path / "net.ts")
    torch.export.save(
        torch.export.export(net, (images,), dynamic_shapes=batch), tmp_path / "net.pt2"
    )
    for file in ("net.ts", "net.pt2"):
        refused(
            str(tmp_path / file),
            r": takes images of \(8, 8, 3\); its contract says \(8, 8, 1\)\. Correct height, wid",
        )


def test_one_changed_byte_of_the_weights_is_noticed(tmp_path: Path) -> None:
    """PyTorch itself does not compare the checksums of its archives."""
    state(tiny_module(), tmp_path / "net.pt")
    script(tiny_module(), tmp_path / "net.ts")
    tiny_export(tiny_module(), tmp_path / "net.pt2")
    for name in (f"{CODE}@{tmp_path / 'net.pt'}", str(tmp_path / "net.ts"), f"{tmp_path}/net.pt2"):
        path = Path(name.rpartition("@")[2])
        content, weight = bytearray(path.read_bytes()), tiny_module()[5].weight.detach().numpy()
        content[content.index(weight.tobytes())] ^= 1
        path.write_bytes(content)
        refused(name, "is damaged: its checksum differs")


def test_weights_that_were_saved_without_checksums_are_read(tmp_path: Path) -> None:
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        state(tiny_module(), tmp_path / "net.pt")
    finally:
        torch.serialization.set_crc32_options(before)
    with ZipFile(tmp_path / "net.pt") as archive:
        assert archive.testzip()
    assert open_model(f"{CODE}@{tmp_path / 'net.pt'}")


def test_weights_alone_need_code(tmp_path: Path) -> None:
    state(tiny_module(), tmp_path / "net.pt")
    save_file(tiny_module().state_dict(), tmp_path / "net.safetensors")
    for file in ("net.pt", "net.safetensors"):
        refused(str(tmp_path / file), rf"weights alone\. Name .* module:factory@.*{file}\.$")
    refused(f"{__name__}:ROWS@{tmp_path / 'net.pt'}", "ROWS must build the net for the weights")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    weights = tiny_module().state_dict()
    path = tmp_path / "net.pt"
    torch.save({f"{name}.a": value for name, value in weights.items()}, path)
    message = r"net.pt: does not fit the net: it lacks 0.weight, 0.bias, 1.weight and \d more; the "
    refused(f"{CODE}@{path}", rf"{message}net has no 0.weight.a, .* and \d more\. Name the code")
    save_file(tiny_module(classes=8).state_dict(), tmp_path / "net.safetensors")
    refused(
        f"{CODE}@{tmp_path / 'net.safetensors'}",
        r"5\.weight is \(8, 144\), in the net \(7, 144\), 5\.bias is .* \(7,\)\. Name",
    )
    for found, holds in (
        ([1, 2], "list"),
        ({"epoch": 3, "loss": 0.5}, "epoch, loss"),
        ({}, "nothing"),
    ):
        torch.save(found, path)
        refused(
            f"{CODE}@{path}", rf"cannot be opened: it must hold a state dict; it holds {holds}\."
        )


@pytest.mark.parametrize("save", [tiny_export, script, state])
@pytest.mark.parametrize("keep", [0, 0.3, 0.9])
def test_a_file_cut_short_is_refused(save: Callable, keep: float, tmp_path: Path) -> None:
    save(tiny_module(), tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "net.pt").write_bytes(whole[: int(keep * len(whole))])
    refused(str(tmp_path / "net.pt"), "cannot be opened: .* or it is cut short")
    if save is state:
        refused(f"{CODE}@{tmp_path / 'net.pt'}", "cannot be opened: .* or it is cut short")
        save_file(tiny_module().state_dict(), tmp_path / "whole")
        whole = (tmp_path / "whole").read_bytes()
        (tmp_path / "net.safetensors").write_bytes(whole[: int(keep * len(whole))])
        refused(f"{CODE}@{tmp_path / 'net.safetensors'}", "cannot be opened: SafetensorErr")


@pytest.mark.parametrize("content", [b"not a model\n", b"\x08\x07\x12\x04torch", b""])
@pytest.mark.parametrize("file", ["a.pt", "a.pt2", "a.ts", f"{CODE}@a.pth"])
def test_another_file_of_that_name_is_no_pickle(
    content: bytes, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(file.rpartition("@")[2]).write_bytes(content)
    refused(
        file, "cannot be opened: it is neither a net nor weights of PyTorch, or it is cut short"
    )


class Answers(nn.Module):
    """Answers as its `kind` says."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.net = kind, tiny_module()

    def forward(self, images: torch.Tensor) -> object:
        answer = self.net(images)
        match self.kind:
            case "rows":
                return answer.max(1).values
            case "text":
                return "happy"
        raise RuntimeError("no such size")


ROWS, TEXT, FAILS = map(Answers, ("rows", "text", "fails"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ROWS", r"ROWS: must return \(N, K\) for N images; it returned \(1,\) for 1"),
        ("TEXT", "TEXT: .* it fails: TypeError: it returns str, not a tensor"),
        (
            "FAILS",
            r"FAILS: must take float32 images \(N, c, h, w\); given \(1, 1, 8, 8\) it fails: Run",
        ),
    ],
)
def test_a_net_that_answers_otherwise_is_refused(name: str, message: str) -> None:
    refused(f"{__name__}:{name}", message)


def test_without_pytorch_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(tiny_module(), tmp_path / "net.pt")
    for module in [name for name in sys.modules if name.startswith("fer_models.pytorch")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=re.escape("(torch): pip install -e '.[torch]'.")):
        open_model(str(tmp_path / "net.pt"))
