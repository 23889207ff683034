"""A PyTorch module as a classifier: pixels, logits, gradients, modes and refusals."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import torch
from torch import nn
from torch.nn import functional

from datasets.labels import FER7
from fer_models.classifier import ModelError
from fer_models.contract import Contract, Output, PixelStep, Resampling
from fer_models.losses import Loss
from fer_models.pixels.in_keras import fit_to_contract as fit_by_keras
from fer_models.pixels.in_numpy import fitted_images
from fer_models.pytorch.classifier import wrap_torch
from fer_models.pytorch.net import torch_net
from fer_models.pytorch.pixels import fit_to_contract
from fer_models.pytorch.weights import hash_of_weights
from tests.fer_models.pytorch.nets import tiny_module, tiny_torch

LABELS = np.arange(12) % 7


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((12, 8, 8, 1), np.float32)


CONTRACTS = [
    Contract(12, 10, 1, FER7),
    Contract(24, 31, 3, FER7, low=-1.0),
    Contract(24, 31, 3, FER7, eight_bit_resize=True),
    Contract(8, 9, 1, FER7, resampling=Resampling.BICUBIC_ANTIALIAS, resized=(9, 13)),
    Contract(7, 5, 1, FER7, high=255.0, mean=(120.0,), std=(60.0,)),
    Contract(12, 10, 3, FER7, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), steps=(PixelStep.BGR,)),
    Contract(12, 10, 3, FER7, steps=(PixelStep.EQUALISE,)),
    Contract(12, 10, 1, FER7, steps=(PixelStep.EQUALISE, PixelStep.STANDARDISE)),
    Contract(12, 10, 3, FER7, steps=(PixelStep.STANDARDISE,)),
]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("contract", CONTRACTS, ids=range(len(CONTRACTS)))
def test_pixels_and_their_gradients_are_those_of_keras(contract: Contract, channels: int) -> None:
    levels = np.random.default_rng(1).integers(20, 200, (5, 12, 10, channels))
    levels[4] = 77
    faces = (levels / 255).astype(np.float32)
    theirs = tf.constant(faces)
    with tf.GradientTape() as tape:
        tape.watch(theirs)
        expected = fit_by_keras(theirs, contract)
        upstream = np.random.default_rng(2).random(expected.shape, np.float32)
    pixels = torch.tensor(faces, requires_grad=True)
    found = fit_to_contract(pixels.permute(0, 3, 1, 2), contract).permute(0, 2, 3, 1)
    scale = max(1.0, float(np.abs(expected).max()))
    by_numpy = fitted_images(faces, contract)
    assert by_numpy.dtype == np.float32
    np.testing.assert_allclose(by_numpy[:4], expected[:4], atol=1e-6 * scale)
    np.testing.assert_allclose(by_numpy[4], expected[4], atol=1e-3, err_msg="constant")
    np.testing.assert_allclose(found.detach()[:4], expected[:4], atol=1e-6 * scale)
    np.testing.assert_allclose(found.detach()[4], expected[4], atol=1e-3, err_msg="constant")
    slope = tape.gradient(expected, theirs, tf.constant(upstream)).numpy()[:4]
    found.backward(torch.tensor(upstream))
    assert pixels.grad is not None
    np.testing.assert_allclose(pixels.grad[:4], slope, atol=1e-5 * max(1, np.abs(slope).max()))


def test_logits_are_those_of_the_module(images: np.ndarray) -> None:
    module = tiny_module()
    with torch.no_grad():
        expected = module(torch.tensor(images).permute(0, 3, 1, 2) * 2 - 1)
    classifier = tiny_torch(module, low=-1.0)
    np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-6)
    np.testing.assert_allclose(classifier.attacked_logits(images), expected, atol=1e-6)
    assert classifier.logits(images).dtype == np.float32


def test_an_image_is_answered_the_same_alone_and_among_others(images: np.ndarray) -> None:
    classifier = tiny_torch()
    alone = np.concatenate([classifier.logits(image[None]) for image in images])
    np.testing.assert_allclose(alone, classifier.logits(images), atol=1e-6)


@pytest.mark.parametrize("count", [1, 12])
def test_images_in_another_order_of_memory_are_answered_alike(
    images: np.ndarray, count: int
) -> None:
    images = images[:count]
    classifier, (backwards, classes) = tiny_torch(), (images[::-1], LABELS[:count][::-1])
    assert np.array_equal(classifier.logits(backwards), classifier.logits(backwards.copy()))
    found, expected = (
        classifier.logit_gradients(each, classes) for each in (backwards, backwards.copy())
    )
    assert np.array_equal(found, expected)
    _, pull = classifier.pullback(images)
    cotangent = np.ones((count, 7), np.float32)
    assert np.array_equal(pull(cotangent[::-1]), pull(cotangent))
    raw = torch_net("tiny", tiny_module(), "")
    assert np.array_equal(raw.call(images[..., ::-1]), raw.call(images))


class Viewed(nn.Module):
    """Flattens its maps by `view`, as most nets do; it fails where channels come last in memory."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.maps, self.end = nn.Conv2d(channels, 4, 3), nn.Linear(4 * 6 * 6, 7)

    def forward(self, images):
        return self.end(self.maps(images).view(len(images), -1))


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("given", [1, 3])
@pytest.mark.parametrize("taken", [1, 3])
def test_nets_may_view_their_maps_as_rows(given: int, taken: int, side: int) -> None:
    classifier = wrap_torch(Viewed(taken), Contract(8, 8, taken, FER7))
    images = np.random.default_rng(0).random((12, side, side, given), np.float32)
    assert classifier.logits(images).shape == (12, 7)
    found = classifier.input_gradients(images, LABELS, Loss.MARGIN)
    assert found.gradient.shape == images.shape and found.gradient.any()
    assert classifier.outputs(images, classifier.contract).shape == (12, 7)
    raw = torch_net("viewed", Viewed(taken), "")
    assert raw.call(np.random.default_rng(0).random((2, 8, 8, taken), np.float32)).shape == (2, 7)


@pytest.mark.parametrize("loss", Loss)
def test_gradients_agree_with_finite_differences(images: np.ndarray, loss: Loss) -> None:
    classifier = tiny_torch()
    images = images * 0.5 + 0.25
    found = classifier.input_gradients(images, LABELS, loss)
    assert found.gradient.shape == images.shape and found.gradient.dtype == np.float32
    if loss in (Loss.SCALED_CROSS_ENTROPY, Loss.DLR):
        return  # its scale is held constant, or the order of the logits changes
    direction = np.random.default_rng(2).standard_normal(images.shape).astype(np.float32)
    step = np.float32(1e-3)
    ahead, behind = (
        classifier.input_gradients(images + s * step * direction, LABELS, loss).loss
        for s in (1, -1)
    )
    slope = (found.gradient * direction).sum(axis=(1, 2, 3))
    np.testing.assert_allclose((ahead - behind) / (2 * step), slope, atol=0.01, rtol=0.01)


def test_logit_gradients_differ_by_the_margins_gradient(images: np.ndarray) -> None:
    classifier, targets = tiny_torch(), (LABELS + 3) % 7
    one, other = (classifier.logit_gradients(images, classes) for classes in (targets, LABELS))
    margin = classifier.input_gradients(images, LABELS, Loss.MARGIN, targets)
    np.testing.assert_allclose(one - other, margin.gradient, atol=1e-6)
    logits, pull = classifier.pullback(images)
    np.testing.assert_array_equal(pull(np.eye(7)[targets]), one)
    np.testing.assert_array_equal(pull(np.eye(7)[LABELS]), other, "a second time")
    np.testing.assert_array_equal(logits, margin.logits)


def test_a_module_in_training_mode_is_attacked_in_evaluation_mode(images: np.ndarray) -> None:
    expected = tiny_torch().input_gradients(images, LABELS, Loss.MARGIN)
    module = tiny_module().train()
    module[3].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = tiny_torch(module).input_gradients(images, LABELS, Loss.MARGIN)
    np.testing.assert_array_equal(found.logits, expected.logits)
    np.testing.assert_array_equal(found.gradient, expected.gradient)
    assert [each.training for each in module] == [True, True, True, False, True, True]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(weight.grad is None for weight in module.parameters())


class Ending(nn.Module):
    """The tiny net and a last step."""

    def __init__(self, last):
        super().__init__()
        self.net, self.last = tiny_module(), last

    def forward(self, images):
        return self.last(10 * self.net(images))


SOFTMAXES = {
    "layer": nn.Softmax(1),
    "nested": nn.Sequential(nn.Identity(), nn.Sequential(nn.Softmax(dim=-1))),
    "functional": lambda x: functional.softmax(x, dim=1),
    "torch": lambda x: torch.softmax(dim=1, input=x),
    "method": lambda x: x.softmax(1),
    "of another format": lambda x: x.softmax(1, dtype=torch.float64),
}


@pytest.mark.parametrize("name", SOFTMAXES)
def test_a_softmax_at_the_end_is_left_out(images: np.ndarray, name: str) -> None:
    plain = tiny_torch(Ending(nn.Identity()))
    classifier = tiny_torch(Ending(SOFTMAXES[name]), output=Output.PROBABILITIES)
    assert classifier.contract.output is Output.LOGITS
    np.testing.assert_array_equal(classifier.logits(images), plain.logits(images))


def test_the_softmax_of_an_exported_graph_is_left_out(images: np.ndarray) -> None:
    module, batch = Ending(nn.Softmax(1)).eval(), torch.export.Dim("batch")
    graph = torch.export.export(module, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=({0: batch},))
    classifier = tiny_torch(graph.module(), output=Output.PROBABILITIES)
    assert classifier.contract.output is Output.LOGITS
    expected = tiny_torch(Ending(nn.Identity())).logits(images)
    np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    "last", [lambda x: x.softmax(1) * 1, lambda x: (x.exp().T / x.exp().sum(1)).T]
)
def test_other_probabilities_become_their_logarithm(images: np.ndarray, last) -> None:
    classifier = tiny_torch(Ending(last), output=Output.PROBABILITIES)
    logits = tiny_torch(Ending(nn.Identity())).logits(images)
    expected = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-4)
    assert classifier.input_gradients(images, LABELS, Loss.MARGIN).gradient.any()


def without_sure(shares: torch.Tensor) -> torch.Tensor:
    """Where the share of the last class is large it becomes 0; on black images it is not."""
    shares[shares[:, 6] > 0.996, 6] = 0
    return shares


@pytest.mark.parametrize(
    "last",
    [
        lambda x: x.softmax(1).mul_(torch.arange(7) > 2),
        lambda x: without_sure(x.softmax(1)),
        torch.inference_mode()(lambda x: without_sure(x.softmax(1))),
        torch.no_grad()(lambda x: (x.softmax(1), x.zero_())[0]),
    ],
)
def test_a_softmax_that_is_changed_in_place_is_not_the_last_step(images: np.ndarray, last) -> None:
    module = Ending(last).eval()
    with torch.no_grad():
        expected = module(torch.tensor(images).permute(0, 3, 1, 2)).clamp(min=1e-30).log()
    classifier = tiny_torch(module, output=Output.PROBABILITIES)
    assert classifier.contract.output is Output.PROBABILITIES
    np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-4)


def test_a_softmax_inside_is_kept(images: np.ndarray) -> None:
    module = Ending(lambda x: x.softmax(1)[:, torch.arange(7)])
    assert tiny_torch(module, output=Output.PROBABILITIES).contract.output is Output.PROBABILITIES


@pytest.mark.parametrize(
    "last", [lambda x: x.detach(), torch.no_grad()(lambda x: x + 1), lambda x: 0 * x.detach() + 1]
)
def test_a_model_without_gradients_has_zero_gradients(images: np.ndarray, last) -> None:
    classifier = tiny_torch(Ending(last))
    assert not classifier.input_gradients(images, LABELS, Loss.MARGIN).gradient.any()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_is_an_error_never_a_zero(images: np.ndarray, value: float) -> None:
    module = tiny_module()
    classifier = tiny_torch(module)
    with torch.no_grad():
        module[5].bias.fill_(value)
    for ask in (
        lambda: classifier.logits(images),
        lambda: classifier.input_gradients(images, LABELS, Loss.MARGIN),
    ):
        with pytest.raises(ModelError, match=r"tiny_torch.*NaN or infinity"):
            ask()


def test_a_gradient_of_nan_is_an_error(images: np.ndarray) -> None:
    classifier = tiny_torch(Ending(lambda x: x + 0 * (x - x).sqrt()))
    with pytest.raises(ModelError, match="NaN or infinity in the input gradient"):
        classifier.input_gradients(images, LABELS, Loss.MARGIN)
    with pytest.raises(ModelError, match="NaN or infinity in a logit's gradient"):
        classifier.logit_gradients(images, LABELS)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_number_formats_are_fed_and_read(images: np.ndarray, dtype: torch.dtype) -> None:
    found = tiny_torch(tiny_module().to(dtype)).input_gradients(images, LABELS, Loss.MARGIN)
    expected = tiny_torch().input_gradients(images, LABELS, Loss.MARGIN)
    assert found.logits.dtype == found.gradient.dtype == np.float32
    np.testing.assert_allclose(found.logits, expected.logits, atol=0.1)


def test_identity_names_weights_and_contract() -> None:
    module = tiny_module()
    first = tiny_torch(module).weights_sha256
    assert first == tiny_torch().weights_sha256 != tiny_torch(low=-1.0).weights_sha256
    with torch.no_grad():
        module[1].running_mean += 1
    assert tiny_torch(module).weights_sha256 != first


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch means to move it elsewhere
@pytest.mark.parametrize("make", [lambda net: net, torch.jit.script])
def test_identity_names_the_weights_of_quantised_layers(make) -> None:
    def identity(added: float) -> str:
        net = nn.Sequential(nn.Flatten(), tiny_module()[5])
        with torch.no_grad():
            net[1].weight += added * torch.eye(7, 144)
        made = make(torch.ao.quantization.quantize_dynamic(net, {nn.Linear}))
        return hash_of_weights(made, made)

    assert identity(0.0) == identity(0.0) != identity(0.1)


def test_modules_that_do_not_fit_their_contract_are_refused() -> None:
    contract = Contract(8, 8, 1, FER7)
    with pytest.raises(ValueError, match=r"must be \(N, 7\). Received: \(2, 5\)"):
        wrap_torch(tiny_module(classes=5), contract)
    with pytest.raises(ValueError, match="Received: tuple"):
        wrap_torch(Ending(lambda x: (x, x)), contract)
    with pytest.raises(ModelError, match=r"Sequential must take images \(2, 3, 8, 8\).*channels"):
        wrap_torch(tiny_module(), replace(contract, channels=3))


def test_a_module_is_tried_once() -> None:
    module, calls = tiny_module(), []
    module.register_forward_hook(lambda _, given, __: calls.append(tuple(given[0].shape)))
    tiny_torch(module)
    assert calls == [(2, 1, 8, 8)]
    assert all(weight.grad is None for weight in module.parameters())


class InPlace(nn.Module):
    """The tiny net, which scales the images that it is given in their own memory."""

    def __init__(self) -> None:
        super().__init__()
        self.net = tiny_module()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images.mul_(2).sub_(1))


def test_a_module_may_change_its_images_in_place(images: np.ndarray) -> None:
    plain, found = tiny_torch(low=-1.0), tiny_torch(InPlace().eval())
    before = images.copy()
    for _ in range(2):
        np.testing.assert_allclose(found.logits(images), plain.logits(images), atol=1e-5)
        ours, theirs = (c.input_gradients(images, LABELS, Loss.MARGIN) for c in (found, plain))
        np.testing.assert_allclose(ours.gradient, theirs.gradient, atol=1e-5)
    assert found.map_sizes() == {f"net.{name}": size for name, size in plain.map_sizes().items()}
    np.testing.assert_array_equal(images, before)
