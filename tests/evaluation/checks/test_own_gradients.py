"""R26 on nets whose gradients are their own, are not, or are in part."""

from collections.abc import Callable

import keras
import numpy as np
import pandas as pd
import pytest
import torch
from keras import ops

from datasets.labels import FER7, LabelSet
from evaluation.checks.own_gradients import FINE_SHARE, SHARE, _sizes, gradient_checks
from evaluation.checks.rules import Check, Rank, failed_rules
from evaluation.config import AttackSettings
from evaluation.results.schema import CHECK_COLUMNS
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import Classifier, Pullback
from fer_models.contract import Contract, PixelStep
from fer_models.defences.base import defend, straight_through
from fer_models.defences.registry import parse_defence
from fer_models.keras_classifier import wrap
from fer_models.pytorch.classifier import wrap_torch
from fer_models.zoo import load
from tests.attacks import tiny
from tests.evaluation import tiny as run
from tests.evaluation.checks.scripted import LinearNet

Logits = Callable[[keras.KerasTensor], keras.KerasTensor]
IMAGES = tiny.images(100)
EIGHT_BITS = np.round(IMAGES * 255) / np.float32(255)


def checked(classifier: Classifier, images: np.ndarray = IMAGES) -> Check:
    """The check, under one attacked label set."""
    (found,) = gradient_checks(classifier, images, run.config(labels=(LabelSet.FER,)))
    assert (found["rule"], found["check"]) == ("R26", "gradients foretell answers")
    assert (found["attacked_labels"], found["perturbation"]) == ("fer", "worst_case")
    return found


def status(classifier: Classifier, images: np.ndarray = IMAGES) -> str:
    return str(checked(classifier, images)["status"])


def of(logits: Logits) -> Classifier:
    return tiny.FunctionClassifier(logits, 7)


NET = tiny.conv(7).symbolic_logits
OTHER = tiny.conv(7, seed=1).symbolic_logits


def winner_stopped(pixels: keras.KerasTensor) -> keras.KerasTensor:
    logits = NET(pixels)
    first = logits == ops.max(logits, axis=1, keepdims=True)
    return ops.where(first, ops.stop_gradient(logits), logits)


def branch_stopped(pixels: keras.KerasTensor) -> keras.KerasTensor:
    return NET(ops.stop_gradient(pixels)) + 0.1 * OTHER(pixels)


def half_stopped(pixels: keras.KerasTensor) -> keras.KerasTensor:
    left = np.arange(8)[:, None] < 4
    return NET(ops.where(left, pixels, ops.stop_gradient(pixels)))


def rounded(pixels: keras.KerasTensor) -> keras.KerasTensor:
    return NET(straight_through(pixels, ops.round(pixels * 7) / 7))


def test_a_net_with_its_own_gradients_passes_under_each_label_set() -> None:
    for net in (LinearNet(), tiny.conv(7), tiny.conv(7, scale=1e4), tiny.conv(7, scale=1e-4)):
        images = IMAGES[:, :4, :4] if isinstance(net, LinearNet) else IMAGES
        found = gradient_checks(net, images, run.config())
        assert [each["attacked_labels"] for each in found] == ["fer", "ferplus"]
        assert [each["value"] for each in found] == [0, 0]
        assert {each["status"] for each in found} == {"ok"}
        assert "change as its gradients foretell." in found[0]["message"]


@pytest.mark.parametrize("logits", [winner_stopped, branch_stopped, half_stopped, rounded])
def test_gradients_of_a_part_are_flagged(logits: Logits) -> None:
    found = checked(of(logits))
    assert found["status"] == "flagged" and found["value"] > 0.3
    assert "so these are not, or only in part, its own" in found["message"]
    assert "(R15)" not in found["message"]


@pytest.mark.parametrize("stopped", [False, True])
def test_gradients_without_every_other_pixel_are_flagged_where_only_large_shapes_count(
    stopped: bool,
) -> None:
    """Over tiles of 2 pixels and more it foretells half of each change: their cosine is 1."""
    rows, columns = np.indices((48, 48))
    waves = [np.cos(np.pi * (k * rows + columns) / 48) for k in range(7)]
    weights = torch.tensor(np.array(waves), dtype=torch.float32).reshape(7, -1)
    white = torch.tensor((rows + columns) % 2 == 0)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.Parameter(weights)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen = torch.where(white, x, x.detach()) if stopped else x
            return seen.flatten(1) @ self.weights.T

    images = np.random.default_rng(0).uniform(0.1, 0.9, (40, 48, 48, 1)).astype(np.float32)
    found = checked(wrap_torch(Net(), Contract(48, 48, 1, FER7), model_id="net"), images)
    assert found["status"] == ("flagged" if stopped else "ok")
    assert found["threshold"] == (FINE_SHARE if stopped else SHARE)
    assert found["value"] > FINE_SHARE if stopped else found["value"] == 0


class Backwards(LinearNet):
    """The gradient of some images is negated: of those whose first pixel is white."""

    def pullback(self, images: np.ndarray) -> Pullback:
        logits, pull = super().pullback(images)
        sign = np.where(images[:, :1, :1, :1] == 1, -1, 1)
        return Pullback(logits, lambda cotangent: sign * pull(cotangent))


@pytest.mark.parametrize(("wrong", "flagged"), [(0, False), (1, False), (2, True), (16, True)])
def test_a_minority_of_faces_is_seen(wrong: int, flagged: bool) -> None:
    """Of 100 faces each third or so is tried, 32 in all: one may be wrong, two are 6 %."""
    images = IMAGES[:, :4, :4].copy()
    tried = np.unique(np.linspace(0, 99, 32).astype(int))
    assert len(tried) == 32
    images[tried[:wrong], 0, 0] = 1
    found = checked(Backwards(), images)
    assert (found["value"], found["threshold"]) == (wrong / 32, SHARE)
    assert found["status"] == ("flagged" if flagged else "ok")
    if flagged:
        share = {2: "6", 16: "50"}[wrong]
        assert found["message"].startswith(f"On {share} % of 32 clean faces")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("stopped", [False, True])
def test_a_net_in_any_precision_is_judged_by_steps_that_it_can_tell(
    dtype: torch.dtype, stopped: bool
) -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Flatten()]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(288, 32), torch.nn.Tanh())
    head, other = torch.nn.Linear(32, 7), torch.nn.Linear(64, 7)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.head, self.other = net, head, other

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen = x.detach() if stopped else x
            answers: torch.Tensor = self.head(self.net(seen * 4 - 2)) * 8
            return answers + 0.1 * self.other(x.flatten(1))

    module = Net().to(dtype).eval()
    found = status(wrap_torch(module, Contract(8, 8, 1, FER7), model_id="net"), EIGHT_BITS)
    assert found == ("flagged" if stopped else "ok")


def test_pixels_rounded_to_8_bits_change_nothing_that_a_gradient_foretells() -> None:
    net = of(lambda pixels: NET(straight_through(pixels, ops.round(pixels * 255) / 255)))
    assert status(net, EIGHT_BITS) == "ok"


@pytest.mark.parametrize("defence", ["bits3", "jpeg75", "blur1", "smooth0.1", "resize_pad6"])
def test_behind_a_defence_the_net_is_judged(defence: str) -> None:
    """Straight-through gradients are declared (R15); random draws are the attacker's own."""
    for logits, expected in ((NET, "ok"), (branch_stopped, "flagged")):
        found = checked(defend(of(logits), parse_defence(defence), defence))
        assert found["status"] == expected, logits
        declared = not parse_defence(defence).differentiable
        assert ("without what passes gradients straight" in found["message"]) == declared


@pytest.mark.parametrize("change", [{"steps": (PixelStep.EQUALISE,)}, {"eight_bit_resize": True}])
def test_behind_a_straight_through_step_of_its_contract_the_net_is_judged(change: dict) -> None:
    contract = Contract(6, 6, 1, FER7, **change)
    for logits, expected in ((lambda x: x, "ok"), (ops.stop_gradient, "flagged")):
        pixels = keras.Input((6, 6, 1))
        flat = keras.layers.Flatten()(pixels)
        hidden = keras.layers.Dense(16, "tanh")(keras.layers.Lambda(logits)(flat))
        outputs = keras.layers.Dense(7)(hidden) + 0.1 * keras.layers.Dense(7)(flat)
        net = wrap(keras.Model(pixels, outputs), contract, model_id="net")
        found = checked(net)
        assert found["status"] == expected and "(R15)" in found["message"]
        assert net.contract == contract


def test_nothing_is_asked_without_gradients() -> None:
    zero = of(lambda pixels: NET(ops.round(pixels * 7) / 7))
    queries = run.config(attacks=run.SEARCH)
    of_others = [AttackSettings(name="pgd", black_boxes_only=True)]
    for net, config in (
        (tiny.BlackBox(), run.config()),
        (tiny.constant(), run.config()),
        (zero, run.config()),
        (tiny.raising(), run.config(attacks=(*run.SEARCH, *of_others))),
        (tiny.raising(), queries),
    ):
        assert gradient_checks(net, IMAGES, config) == []


def test_faces_whose_gradient_is_zero_are_left_to_r9() -> None:
    """Of 32 faces half have none; the others are all right."""
    images = IMAGES.copy()
    dark = np.unique(np.linspace(0, 99, 32).astype(int))[::2]
    images[dark] /= 100

    def logits(pixels: keras.KerasTensor) -> keras.KerasTensor:
        bright = ops.max(pixels, axis=(1, 2, 3))[:, None] > 0.1
        return NET(pixels) * ops.cast(bright, "float32")

    assert (checked(of(logits), images)["value"], status(of(logits), images)) == (0, "ok")


def test_a_net_that_fails_on_it_is_not_judged() -> None:
    for found in gradient_checks(tiny.raising(), IMAGES, run.config()):
        assert (found["rule"], found["status"]) == ("R26", "error")
        assert found["perturbation"] == "worst_case"
        assert "its outcome is unknown" in found["message"]


def test_steps_in_larger_images_are_as_long() -> None:
    """At 96x96 a step on all pixels is twice as long as at 48x48."""
    assert [255 * size for size in _sizes((48, 48, 1))] == [1 / 32, 1 / 4, 1, 2]
    assert [255 * size for size in _sizes((96, 96, 1))] == [1 / 64, 1 / 8, 1 / 4, 1, 2]
    assert _sizes((8, 8, 1)) == _sizes((48, 48, 1))


def test_a_run_makes_the_rank_provisional_and_flags_the_worst_case(tmp_path) -> None:
    pixels = keras.Input((8, 8, 1))
    inner, outer = run.classifier().model, run.classifier(seed=1).model
    stopped = keras.layers.Lambda(ops.stop_gradient)(pixels)
    outputs = inner(stopped) + 0.1 * outer(pixels)
    net = wrap(keras.Model(pixels, outputs), Contract(8, 8, 1, FER7), model_id="tiny.fer")
    attacks = (AttackSettings.model_validate({"name": "pgd", "steps": 5}),)
    config = run.config(corruptions=(), attacks=attacks)
    evaluate_run(config, run.faces(), [net], tmp_path, None, run.SILENT)
    checks = pd.read_parquet(tmp_path / "checks.parquet")
    found = checks[checks.rule == "R26"]
    assert set(found.status) == {"flagged"} and list(found.columns) == list(CHECK_COLUMNS)
    assert "R26" in failed_rules(checks, "tiny.fer", "fer", Rank.PROVISIONAL)
    results = run.results_of(tmp_path)
    assert (results[results.perturbation == "worst_case"].status == "flagged").all()
    assert (results[results.perturbation == "none"].status == "ok").all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", ["tiny.fer", "vgg_small.fer", "vgg_small_robust.fer", "hybrid.fer", "mean_of_nets.fer"]
)
def test_nets_of_the_zoo_have_their_own_gradients(model: str) -> None:
    from datasets.sample.faces import read_sample

    assert checked(load(model), read_sample().images[:200].astype(np.float32) / 255)["value"] == 0
