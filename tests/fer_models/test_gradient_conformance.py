"""What every classifier with gradients must do, in whatever framework, alone or inside wrappers.

The nets come in pairs, one in Keras and one in PyTorch with the same weights, so a wrapper must
also answer alike around both.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from attacks.photos.view import DifferentiablePhotoView, photo_view
from datasets.labels import FER7
from fer_models.classifier import DifferentiableClassifier, ModelError
from fer_models.contract import Contract, Output
from fer_models.defences.base import DifferentiableDefendedClassifier, defend
from fer_models.defences.registry import parse_defence
from fer_models.gradients import SymbolicClassifier
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.keras_wrapper import DifferentiableKerasWrapper
from fer_models.linear_head import LinearHead
from fer_models.loss_slopes import loss_slope
from fer_models.losses import Loss
from fer_models.pytorch.classifier import TorchClassifier, wrap_torch
from fer_models.reduced_precision import ReducedPrecision
from live.towards import DifferentiableTowards, towards

SIDE = 16
CONTRACT = Contract(SIDE, SIDE, 1, FER7, low=-1.0)
Make = Callable[[Any], Any]
LOSS = Loss.CROSS_ENTROPY


@cache
def keras_net() -> KerasClassifier:
    keras.utils.set_random_seed(3)
    pixels = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Conv2D(8, 5, strides=2, activation="tanh")(pixels)
    x = keras.layers.Conv2D(7, 3, kernel_initializer="he_normal")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, keras.layers.Rescaling(8.0)(x))
    return wrap(model, CONTRACT, model_id="net")


class Module(nn.Module):
    """The Keras net in PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 5, stride=2), nn.Conv2d(8, 7, 3)
        net = keras_net()
        arrays = iter([layer.get_weights() for layer in net.model.layers if layer.weights])
        with torch.no_grad():
            for conv in (self.first, self.second):
                kernel, bias = next(arrays)
                conv.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1)))
                conv.bias.copy_(torch.tensor(bias))

    def forward(self, images):
        return 8 * self.second(torch.tanh(self.first(images))).mean((2, 3))


@cache
def torch_net() -> DifferentiableClassifier:
    return wrap_torch(Module(), CONTRACT, model_id="net")


def exported() -> DifferentiableClassifier:
    batch = torch.export.Dim("batch")
    example = (torch.zeros(2, 1, SIDE, SIDE),)
    graph = torch.export.export(Module().eval(), example, dynamic_shapes=({0: batch},))
    return wrap_torch(graph.module(), CONTRACT, model_id="net")


def probabilities() -> DifferentiableClassifier:
    module = nn.Sequential(Module(), nn.Softmax(1))
    contract = Contract(SIDE, SIDE, 1, FER7, low=-1.0, output=Output.PROBABILITIES)
    return wrap_torch(module, contract, model_id="net")


def defended(name: str) -> Make:
    return lambda inner: defend(inner, parse_defence(name), name)


WRAPPERS: dict[str, Make] = {
    "alone": lambda inner: inner,
    "jpeg50": defended("jpeg50"),
    "smooth0.1": defended("smooth0.1"),
    "towards": lambda inner: towards(inner, 3),
    "head": lambda inner: LinearHead(inner, np.random.default_rng(0).random((7, 7)), np.arange(7)),
    "photo": lambda inner: photo_view(inner, 26, 2, np.eye(7)[2]),
    "smooth and towards": lambda inner: towards(defended("smooth0.1")(inner), 3),
    "jpeg, blur and head": lambda inner: LinearHead(
        defended("jpeg50")(defended("blur0.8")(inner)), 10 * np.eye(7)
    ),
}
FURTHER = ("bits3", "blur0.8", "tv0.05", "resize_pad6")
"""Defences that only the slow tests go through: how gradients pass is the same for all."""
STRAIGHT_THROUGH = ("jpeg50", "bits3", "jpeg, blur and head")
CHAINED: dict[str, Make] = {
    "chained defence": lambda inner: DifferentiableDefendedClassifier(
        inner, parse_defence("smooth0.1"), "smooth0.1"
    ),
    "chained towards": lambda inner: DifferentiableTowards(inner, 3),
    "chained photo": lambda inner: DifferentiablePhotoView(inner, 26, 2, np.eye(7)[2]),
    "chained identity": DifferentiableKerasWrapper,
}
"""Wrappers that chain gradients although the net inside is one of Keras."""


def around(net: Callable[[], DifferentiableClassifier], make: Make) -> Callable[[], Any]:
    return lambda: make(net())


KINDS: dict[str, Callable[[], DifferentiableClassifier]] = {
    **{f"keras, {name}": around(keras_net, make) for name, make in WRAPPERS.items()},
    **{f"torch, {name}": around(torch_net, make) for name, make in WRAPPERS.items()},
    **{f"keras, {name}": around(keras_net, make) for name, make in CHAINED.items()},
    "keras, bfloat16": lambda: ReducedPrecision(keras_net(), keras_net().model),
    "torch, exported": exported,
    "torch, probabilities": probabilities,
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def classifier(kind: str) -> DifferentiableClassifier:
    return KINDS[kind]()


def images_for(kind: str, count: int) -> np.ndarray:
    shape = (26, 26, 3) if "photo" in kind else (SIDE, SIDE, 1)
    return np.random.default_rng(1).uniform(0.2, 0.8, (count, *shape)).astype(np.float32)


@every_kind
@pytest.mark.parametrize("count", [1, 7, 64])
def test_shapes_and_number_formats(kind: str, count: int) -> None:
    found, images = classifier(kind), images_for(kind, count)
    classes = found.scheme.num_classes
    labels = np.arange(count) % classes
    gradients = found.input_gradients(images, labels, LOSS)
    for logits in (found.logits(images), found.attacked_logits(images), gradients.logits):
        assert (logits.shape, logits.dtype) == ((count, classes), np.float32)
    assert (gradients.loss.shape, gradients.loss.dtype) == ((count,), np.float32)
    of_logit = found.logit_gradients(images, labels)
    logits, pull = found.pullback(images)
    leads = found.lead_gradients(images, labels, labels[:, None])
    assert (leads.gradients.shape, leads.gradients.dtype) == (
        (count, 1, *images.shape[1:]),
        np.float32,
    )
    for gradient in (gradients.gradient, of_logit, pull(np.ones_like(logits))):
        assert (gradient.shape, gradient.dtype) == (images.shape, np.float32)
        assert np.isfinite(gradient).all()
    assert gradients.gradient.any(axis=(1, 2, 3)).all()


@every_kind
def test_an_image_is_answered_the_same_alone_and_among_others(kind: str) -> None:
    found, images = classifier(kind), images_for(kind, 7)
    labels = np.arange(7) % found.scheme.num_classes
    whole = found.input_gradients(images, labels, LOSS)
    for row in (0, 6):
        part = slice(row, row + 1)
        alone = found.input_gradients(images[part], labels[part], LOSS)
        np.testing.assert_allclose(alone.logits, whole.logits[part], atol=1e-4)
        np.testing.assert_allclose(alone.gradient, whole.gradient[part], atol=1e-4)
        np.testing.assert_allclose(
            found.logits(images[part]), found.logits(images)[part], atol=1e-4
        )


@every_kind
def test_every_way_to_a_gradient_is_the_same(kind: str) -> None:
    found, images = classifier(kind), images_for(kind, 7)
    classes = found.scheme.num_classes
    labels = np.arange(7) % classes
    gradients = found.input_gradients(images, labels, LOSS)
    logits, pull = found.pullback(images)
    np.testing.assert_allclose(logits, gradients.logits, atol=1e-4)
    losses, slope = loss_slope(LOSS, logits, labels)
    np.testing.assert_allclose(losses, gradients.loss, atol=1e-4)
    np.testing.assert_allclose(pull(slope.astype(np.float32)), gradients.gradient, atol=1e-4)
    one_hot = np.eye(classes, dtype=np.float32)[labels]
    of_label = found.logit_gradients(images, labels)
    np.testing.assert_allclose(pull(one_hot), of_label, atol=1e-4)
    others = np.stack([(labels + 1) % classes, (labels + classes - 1) % classes], axis=1)
    leads = found.lead_gradients(images, labels, others)
    np.testing.assert_allclose(leads.logits, logits, atol=1e-4)
    for m in range(2):
        lead = found.logit_gradients(images, others[:, m]) - of_label
        np.testing.assert_allclose(leads.gradients[:, m], lead, atol=1e-4)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.partition(", ")[2] not in STRAIGHT_THROUGH]
)
def test_gradients_agree_with_finite_differences(kind: str) -> None:
    found, images = classifier(kind), images_for(kind, 7)
    classes = found.scheme.num_classes
    labels = np.full(7, 1) if classes == 2 else np.arange(7)  # the best of others has kinks
    gradient = found.logit_gradients(images, labels)
    direction = np.random.default_rng(2).standard_normal(images.shape).astype(np.float32)
    step, rows = np.float32(2e-3), np.arange(7)
    ahead, behind = (
        found.attacked_logits(images + sign * step * direction)[rows, labels] for sign in (1, -1)
    )
    slope = (gradient * direction).sum(axis=(1, 2, 3))
    np.testing.assert_allclose((ahead - behind) / (2 * step), slope, atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    "name", [*WRAPPERS, *(pytest.param(name, marks=pytest.mark.slow) for name in FURTHER)]
)
def test_both_frameworks_give_the_same(name: str) -> None:
    make = WRAPPERS.get(name) or defended(name)
    ours, theirs = make(torch_net()), make(keras_net())
    images = images_for(name, 7)
    labels = np.arange(7) % ours.scheme.num_classes
    np.testing.assert_allclose(ours.logits(images), theirs.logits(images), atol=2e-4)
    found, expected = (each.input_gradients(images, labels, LOSS) for each in (ours, theirs))
    for mine, other in zip(found, expected):
        np.testing.assert_allclose(mine, other, atol=2e-4 * max(1, np.abs(other).max()))


@pytest.mark.parametrize("name", CHAINED)
def test_chained_gradients_are_the_compiled_ones(name: str) -> None:
    compiled = {"chained defence": "smooth0.1", "chained identity": "alone"}
    other = classifier(f"keras, {compiled.get(name, name.removeprefix('chained '))}")
    found, images = classifier(f"keras, {name}"), images_for(name, 7)
    labels = np.arange(7) % found.scheme.num_classes
    assert isinstance(other, SymbolicClassifier) and not isinstance(found, SymbolicClassifier)
    gradients = [each.input_gradients(images, labels, LOSS) for each in (found, other)]
    for mine, expected in zip(*gradients):
        np.testing.assert_allclose(mine, expected, atol=1e-4)


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_nan_is_an_error(framework: str, name: str) -> None:
    if framework == "torch":
        module = Module()
        inner: DifferentiableClassifier = wrap_torch(module, CONTRACT, model_id="net")
        nn.init.constant_(module.second.bias, float("nan"))
        assert isinstance(inner, TorchClassifier)
    else:
        model = keras.models.clone_model(keras_net().model)
        model.layers[-2 if model.layers[-2].weights else -3].bias.assign(np.full(7, np.nan))
        inner = wrap(model, CONTRACT, model_id="net")
    found, images = WRAPPERS[name](inner), images_for(name, 2)
    labels = np.array([0, 1])
    for ask in (
        lambda: found.logits(images),
        lambda: found.input_gradients(images, labels, LOSS),
    ):
        with pytest.raises(ModelError, match="NaN or infinity"):
            ask()
