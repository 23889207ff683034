"""TorchScript that ends in a softmax is attacked through its logits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from datasets.labels import FER7
from evaluation.checks.model import model_checks
from fer_models.contract import Output
from fer_models.foreign.classifier import load_foreign
from fer_models.foreign.contract_file import ContractFile
from fer_models.losses import Loss
from fer_models.net_classifier import NetClassifier
from fer_models.pytorch.script_softmax import without_softmax
from tests.fer_models.pytorch.nets import tiny_module, tiny_torch

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

IMAGES = np.random.default_rng(0).random((32, 8, 8, 1), np.float32)
FILE = ContractFile(
    classes=FER7.classes, height=8, width=8, channels=1, low=0, high=1, output=Output.PROBABILITIES
)


class Scaled(nn.Module):
    """The tiny net, its logits times a number: overconfident where it is large."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.net, self.scale = tiny_module(), scale

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images) * self.scale


class ByModule(Scaled):
    def __init__(self, scale: float) -> None:
        super().__init__(scale)
        self.last = nn.Softmax(dim=-1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.net(images) * self.scale)


class ByFunction(Scaled):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return functional.softmax(self.net(images) * self.scale, dim=1)


class ByMethod(Scaled):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (self.net(images) * self.scale).softmax(1)


def test_a_contract_may_name_the_only_output_of_a_script(tmp_path: Path) -> None:
    torch.jit.script(ByMethod(1).eval()).save(path := tmp_path / "net.ts")
    expected = load_foreign(str(path), FILE).logits(IMAGES)
    found = load_foreign(str(path), FILE.model_copy(update={"output_index": 0}))
    np.testing.assert_array_equal(found.logits(IMAGES), expected)


class WithOptions(Scaled):
    def forward(
        self, images: torch.Tensor, heat: float = 2.0, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        logits = self.net(images) * self.scale / heat
        return (logits if mask is None else logits * mask).softmax(1)


def test_what_a_script_has_a_default_for_has_it_without_its_softmax(tmp_path: Path) -> None:
    torch.jit.script(WithOptions(6).eval()).save(path := tmp_path / "net.ts")
    classifier = load_foreign(str(path), FILE)
    assert isinstance(classifier, NetClassifier)
    assert classifier.contract.output is Output.LOGITS
    expected = tiny_torch(Scaled(3)).logits(IMAGES)
    np.testing.assert_allclose(classifier.logits(IMAGES), expected, rtol=1e-5, atol=1e-5)


class Divided(ByMethod):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        shares = torch.softmax(self.net(images), 1)
        return shares / shares.sum(1, keepdim=True)


class Branched(Scaled):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.mean() > 2:
            return torch.softmax(self.net(images), 1)
        return torch.softmax(2 * self.net(images), 1)


class OverTheBatch(Scaled):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.net(images), 0)


def traced(net: nn.Module) -> torch.jit.ScriptModule:
    return torch.jit.trace(net, torch.rand(2, 1, 8, 8))


@pytest.mark.parametrize("save", [torch.jit.script, traced])
@pytest.mark.parametrize("kind", [ByModule, ByFunction, ByMethod])
def test_it_is_attacked_as_the_net_without_softmax(
    kind: type[Scaled], save: Callable, tmp_path: Path
) -> None:
    """Also where probabilities are 0 and 1 in float32, so that their logarithm has no gradient."""
    labels = np.arange(32) % 7
    for scale in (1.0, 200.0):
        save(kind(scale).eval()).save(tmp_path / "net.ts")
        found, logits = load_foreign(str(tmp_path / "net.ts"), FILE), tiny_torch(Scaled(scale))
        assert isinstance(found, NetClassifier)
        for _ in range(3):  # TorchScript compiles again after two calls
            for loss in Loss:
                ours, theirs = (c.input_gradients(IMAGES, labels, loss) for c in (found, logits))
                np.testing.assert_allclose(ours.logits, theirs.logits, rtol=1e-5, atol=1e-5)
                np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=1e-4, atol=1e-6)
        expected = model_checks(logits, IMAGES, theirs.logits, labels)
        checks = model_checks(found, IMAGES, ours.logits, labels)
        assert [c["status"] for c in checks] == [c["status"] for c in expected]
        (saturated,) = (c["status"] == "flagged" for c in checks if c["rule"] == "R10")
        assert saturated == (scale > 1)
        assert found.count_parameters() == logits.count_parameters()


@pytest.mark.parametrize("kind", [Scaled, Divided, Branched, OverTheBatch])
def test_other_ends_stay(kind: type[Scaled]) -> None:
    assert without_softmax(torch.jit.script(kind(1.0).eval())) is None


def test_the_script_itself_stays_as_it_is() -> None:
    script = torch.jit.script(ByMethod(1.0).eval())
    cut, images = without_softmax(script), torch.tensor(IMAGES).permute(0, 3, 1, 2)
    assert cut is not None
    torch.testing.assert_close(cut(images).softmax(1), script(images))
    torch.testing.assert_close(script(images).sum(1), torch.ones(32))
