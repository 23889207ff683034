"""PyTorch nets by path: every format answers and has gradients like the net that was saved."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from datasets.base.errors import InputError
from datasets.labels import FER7
from fer_models import zoo
from fer_models.classifier import DifferentiableClassifier, ModelError
from fer_models.contract import Contract, Output
from fer_models.foreign.classifier import load_foreign
from fer_models.foreign.contract_file import ContractFile, PartialContract, write_contract
from fer_models.foreign.formats import open_model
from fer_models.foreign.names import files_sha256, is_foreign
from fer_models.foreign.size_and_classes import with_size
from fer_models.losses import Loss
from fer_models.pytorch.classifier import TorchClassifier, wrap_torch
from tests.fer_models.pytorch.nets import tiny_module

ALPHABETICAL = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
FILE = ContractFile(classes=ALPHABETICAL, height=8, width=8, channels=1, low=-1)
ORDER = [0, 1, 2, 3, 5, 6, 4]
"""Columns of the classes of FER in that order."""
CODE = f"{__name__}:tiny_module"
NET = tiny_module().train()
"""As a user may leave it."""


def softened() -> nn.Module:
    return nn.Sequential(tiny_module(), nn.Softmax(1)).eval()


def export(net: nn.Module, file: Path | BytesIO, **options: object) -> None:
    images = torch.rand(2, 1, 8, 8)
    batch = options or {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    torch.export.save(torch.export.export(net, (images,), **batch), file)


@cache
def _exported() -> bytes:
    file = BytesIO()
    export(tiny_module(), file)
    return file.getvalue()


def tiny_export(_: nn.Module, path: Path) -> None:
    """The tiny net, exported once for all tests."""
    path.write_bytes(_exported())


def trace(net: nn.Module, path: Path) -> None:
    torch.jit.save(torch.jit.trace(net, torch.rand(2, 1, 8, 8)), path)


def script(net: nn.Module, path: Path) -> None:
    torch.jit.save(torch.jit.script(net), path)


def state(net: nn.Module, path: Path) -> None:
    torch.save(net.state_dict(), path)


def checkpoint(net: nn.Module, path: Path) -> None:
    """As a training writes it that used DataParallel."""
    weights = {f"module.{name}": value for name, value in net.state_dict().items()}
    torch.save({"epoch": 3, "model_state_dict": weights}, path)


def tensors(net: nn.Module, path: Path) -> None:
    save_file(net.state_dict(), path)


SAVED: dict[str, tuple[str, Callable[[nn.Module, Path], None], bool]] = {
    "export": ("net.pt2", tiny_export, False),
    "export of another ending": ("net.pt", tiny_export, False),
    "trace": ("net.pt", trace, False),
    "script": ("net.ts", script, False),
    "state dict": ("net.pth", state, True),
    "checkpoint": ("net.ckpt", checkpoint, True),
    "safetensors": ("net.safetensors", tensors, True),
}
"""Name of the file, how it is saved, and whether it needs code."""


@pytest.fixture(params=[*SAVED, "factory", "object"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name of a saved net on the command line; its contract lies beside it."""
    if request.param not in SAVED:
        return CODE if request.param == "factory" else f"{__name__}:NET"
    file, save, needs_code = SAVED[request.param]
    save(tiny_module(), tmp_path / file)
    write_contract(FILE, tmp_path / f"{file}.contract.json")
    return f"{CODE}@{tmp_path / file}" if needs_code else str(tmp_path / file)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((64, 8, 8, 1), np.float32)


def loaded(name: str) -> DifferentiableClassifier:
    found = load_foreign(name, FILE if name.endswith(("tiny_module", "NET")) else None)
    assert isinstance(found, DifferentiableClassifier)
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TorchScript
def test_every_format_answers_and_slopes_like_the_net(name: str, images: np.ndarray) -> None:
    assert is_foreign(name)
    classifier = loaded(name)
    assert classifier.scheme == FER7
    net = tiny_module()
    with torch.no_grad():
        expected = net(torch.tensor(images * 2 - 1).permute(0, 3, 1, 2))[:, ORDER].numpy()
    for count in (1, 7, 64):
        logits = classifier.logits(images[:count])
        assert (logits.dtype, logits.shape) == (np.float32, (count, 7))
        np.testing.assert_allclose(logits, expected[:count], atol=1e-5)
    labels = np.arange(64) % 7
    whole = wrap_torch(net, Contract(8, 8, 1, FER7, low=-1), columns=ORDER)
    for loss in Loss:
        ours, theirs = (c.input_gradients(images, labels, loss) for c in (classifier, whole))
        np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-4, atol=1e-6)
    step = np.zeros_like(images)
    step[:, 3, 4] = 1e-2
    inside = np.clip(images, 0.02, 0.98)
    ends = [classifier.logits(inside + sign * step)[:, 3] for sign in (1, -1)]
    slope = classifier.logit_gradients(inside, np.full(64, 3))[:, 3, 4, 0]
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-2, slope, atol=2e-3)
    assert np.abs(slope).max() > 1e-2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_weights_of_nan_are_refused(tmp_path: Path) -> None:
    net = tiny_module()
    nn.init.constant_(net[0].weight, torch.nan)
    for file, save in (("net.pt2", export), ("net.pt", script), ("net.pth", state)):
        save(net, tmp_path / file)
        path = f"{CODE}@{tmp_path / file}" if save is state else str(tmp_path / file)
        with pytest.raises(InputError, match="NaN or infinity for 1 of 1 images"):
            load_foreign(path, FILE)


def test_code_with_weights_is_named_hashed_and_described_by_both(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    for file in (path, tmp_path / "a+b.pth"):
        state(tiny_module(), file)
        write_contract(FILE, file.with_name(f"{file.name}.contract.json"))
    name = f"{CODE}@{path}"
    assert zoo.load(f"{name}+bits4").id == "net+bits4"
    assert zoo.load(f"{CODE}@{tmp_path / 'a+b.pth'}").id == "a+b"
    assert zoo.describe(name).weights_sha256 == zoo.load(name).weights_sha256
    assert zoo.resolve(f"{name},{name}+bits4") == [name, f"{name}+bits4"]
    before = files_sha256(name)
    assert before not in (files_sha256(CODE), files_sha256(str(path)))
    state(tiny_module(classes=8), path)
    assert files_sha256(name) != before
    with pytest.raises(InputError, match=r"none\.pth: expected a model, found no such file"):
        files_sha256(f"{CODE}@{tmp_path / 'none.pth'}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("saved", [export, trace])
def test_a_softmax_costs_no_gradient(saved: Callable, tmp_path: Path, images: np.ndarray) -> None:
    saved(softened(), tmp_path / "net.pt")
    soft = FILE.model_copy(update={"output": Output.PROBABILITIES})
    classifier = load_foreign(str(tmp_path / "net.pt"), soft)
    whole = load_foreign(CODE, FILE)
    assert isinstance(classifier, DifferentiableClassifier)
    assert isinstance(whole, DifferentiableClassifier)
    labels = np.arange(64) % 7
    for loss in Loss:
        ours, theirs = (c.input_gradients(images, labels, loss) for c in (classifier, whole))
        np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=1e-2, atol=1e-5)


class Heads(nn.Module):
    """Emotions, as probabilities, beside valence and arousal."""

    def __init__(self, named: bool = True) -> None:
        super().__init__()
        self.net, self.named = tiny_module(), named

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor] | tuple[torch.Tensor, ...]:
        emotions = self.net(images)
        answer = {"mood": emotions[:, :2], "emotions": torch.cat([emotions * 0, emotions], dim=1)}
        return answer if self.named else tuple(answer.values())


class OneInTuple(Heads):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.net(images),)


@dataclass
class Answer:
    mood: torch.Tensor | None
    emotions: torch.Tensor


class InDataclass(nn.Module):
    def __init__(self, mood: bool = True) -> None:
        super().__init__()
        self.net, self.mood = tiny_module(), mood

    def forward(self, images: torch.Tensor) -> Answer:
        emotions = self.net(images)
        return Answer(emotions[:, :2] if self.mood else None, emotions)


def emotions_alone() -> nn.Module:
    return InDataclass(mood=False)


def unnamed_heads() -> nn.Module:
    return Heads(named=False)


@pytest.mark.parametrize(
    ("code", "fields"),
    [("Heads", {"output_name": "emotions"}), ("unnamed_heads", {"output_index": 1})],
)
def test_a_contract_names_the_output_and_its_columns(
    code: str, fields: dict[str, object], tmp_path: Path, images: np.ndarray
) -> None:
    chosen = FILE.model_copy(update={**fields, "columns": tuple(range(7, 14))})
    expected = load_foreign(CODE, FILE)
    assert isinstance(expected, DifferentiableClassifier)
    export(Heads(named=code == "Heads").eval(), tmp_path / "net.pt2")
    for name in (f"{__name__}:{code}", str(tmp_path / "net.pt2")):
        found = load_foreign(name, chosen)
        assert isinstance(found, DifferentiableClassifier)
        np.testing.assert_allclose(found.logits(images), expected.logits(images), atol=1e-5)
        classes = np.arange(64) % 7
        np.testing.assert_allclose(
            found.logit_gradients(images, classes),
            expected.logit_gradients(images, classes),
            atol=1e-5,
        )
        with pytest.raises(ModelError, match=r"it has 2 outputs, .*; its contract must name the"):
            load_foreign(name, FILE)
    emotions = FILE.model_copy(update={"output_name": "emotions"})
    for code, file in (("OneInTuple", FILE), ("emotions_alone", FILE), ("InDataclass", emotions)):
        found = load_foreign(f"{__name__}:{code}", file)
        np.testing.assert_allclose(found.logits(images), expected.logits(images), atol=1e-5)


def test_a_net_of_code_is_measured_as_in_use() -> None:
    """Code builds nets in training mode; other scalings are tried in the contract's class order."""
    images = np.random.default_rng(0).random((9, 8, 8, 1), np.float32)
    before = [weight.clone() for weight in NET.parameters()]
    classifier = load_foreign(f"{__name__}:NET", FILE)
    assert isinstance(classifier, TorchClassifier)
    logits = classifier.logits(images)
    np.testing.assert_array_equal(classifier.outputs_as_given(images), logits)
    np.testing.assert_array_equal(classifier.outputs(images, classifier.contract), logits)
    assert all(torch.equal(*pair) for pair in zip(before, NET.parameters()))


class Noisy(nn.Module):
    """Noise goes where this net is evaluated, by a flag of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.noise = tiny_module(), 1.0

    def eval(self) -> "Noisy":
        self.noise = 0.0
        return super().eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images + self.noise * torch.randn_like(images))


class NeverEvaluated(nn.Module):
    """Dropout is the defence of this net, so it stays."""

    def __init__(self) -> None:
        super().__init__()
        self.net = tiny_module().train()

    def eval(self) -> "NeverEvaluated":
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images)


@pytest.mark.parametrize(("code", "is_random"), [("Noisy", False), ("NeverEvaluated", True)])
def test_a_net_is_evaluated_by_its_own_eval(code: str, is_random: bool, images: np.ndarray) -> None:
    classifier = load_foreign(f"{__name__}:{code}", FILE)
    one, again = (classifier.logits(images) for _ in range(2))
    assert np.array_equal(one, again) is not is_random


def test_an_export_knows_its_size(tmp_path: Path) -> None:
    tiny_export(tiny_module(), tmp_path / "net.pt2")
    assert open_model(str(tmp_path / "net.pt2")).shape == (8, 8, 1)
    with pytest.raises(InputError, match=r"takes images of \(8, 8, 1\); its contract says \(9, 8"):
        load_foreign(str(tmp_path / "net.pt2"), FILE.model_copy(update={"height": 9}))


def test_the_size_of_a_net_that_does_not_say_it_is_found(tmp_path: Path) -> None:
    state(tiny_module(), tmp_path / "net.pth")
    raw = open_model(f"{CODE}@{tmp_path / 'net.pth'}")
    with pytest.raises(InputError, match=r"takes none of the usual sizes. Write the size .* rest"):
        with_size(raw, PartialContract())  # 8x8
    script(tiny_module(44), tmp_path / "net.ts")
    found = with_size(open_model(str(tmp_path / "net.ts")), PartialContract())
    assert (found.height, found.width, found.channels) == (44, 44, 1)
