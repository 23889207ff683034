"""Keras models as PyTorch modules: the same logits, gradients and broken faces."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from keras import layers

from attacks.base import Keys
from attacks.registry import make_attack
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from datasets.sample.faces import read_sample
from fer_models import zoo
from fer_models.export import Format, main
from fer_models.keras_classifier import KerasClassifier
from fer_models.pytorch.classifier import TorchClassifier, wrap_torch
from fer_models.pytorch.port import port
from fer_models.pytorch.ported_layers import LAYERS, NotPortableError, same_padding

IMAGES = read_sample().images.astype(np.float32) / np.float32(255)


def both(model: str) -> tuple[KerasClassifier, TorchClassifier]:
    """A shipped net, and its port."""
    net = zoo.load(model)
    assert isinstance(net, KerasClassifier)
    return net, wrap_torch(port(net.model), net.contract, model_id=model)


def answers(layer: keras.layers.Layer, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a layer with random weights answers, in Keras and ported."""
    pixels = keras.Input(inputs.shape[1:])
    model = keras.Model(pixels, layer(pixels))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(0.1, 1, w.shape) for w in layer.get_weights()])
    channels_first = inputs.transpose(0, 3, 1, 2) if inputs.ndim == 4 else inputs
    with torch.no_grad():
        found = port(model)(torch.tensor(channels_first)).numpy()
    found = found.transpose(0, 2, 3, 1) if found.ndim == 4 else found
    return np.asarray(model(inputs, training=False)), found


CASES = [
    layers.Conv2D(4, 3),
    layers.Conv2D(4, 3, padding="same", activation="relu"),
    layers.Conv2D(4, 3, strides=2, padding="same"),
    layers.Conv2D(4, (4, 3), strides=(3, 2), padding="same", use_bias=False),
    layers.Conv2D(4, 4, padding="same", dilation_rate=2, activation="silu"),
    layers.Conv2D(6, 3, groups=3, activation="tanh"),
    layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same"),
    layers.SeparableConv2D(5, 3, depth_multiplier=2, padding="same", activation="elu"),
    layers.SeparableConv2D(5, 3, strides=2, use_bias=False),
    layers.BatchNormalization(epsilon=0.01),
    layers.BatchNormalization(scale=False, center=False),
    layers.MaxPooling2D(2),
    layers.MaxPooling2D(3, strides=2, padding="same"),
    layers.AveragePooling2D(3, strides=2, padding="same"),
    layers.AveragePooling2D(2),
    layers.GlobalAveragePooling2D(keepdims=True),
    layers.GlobalMaxPooling2D(),
    layers.Flatten(),
    layers.ReLU(),
    layers.ReLU(max_value=6),
    layers.ReLU(negative_slope=0.1),
    layers.Rescaling([1.0, 2.0, 3.0], offset=[0.0, 1.0, -1.0]),
    layers.ZeroPadding2D(((0, 1), (2, 3))),
    layers.Activation("sigmoid"),
    layers.Dropout(0.5),
    layers.GaussianNoise(0.5),
]


@pytest.mark.parametrize("size", [(9, 12), (10, 7)])
def test_every_layer_answers_as_in_keras(size: tuple[int, int]) -> None:
    inputs = np.random.default_rng(1).standard_normal((2, *size, 3)).astype(np.float32)
    for layer in CASES:
        expected, found = answers(layer.__class__.from_config(layer.get_config()), inputs)
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=repr(layer.get_config()))


def test_every_known_layer_is_tried() -> None:
    tried = {type(layer).__name__ for layer in CASES}
    elsewhere = {"Add", "Average", "Concatenate", "Dense", "Resize"}
    assert set(LAYERS) - tried == elsewhere, "these: below"


def test_graphs_with_branches_shared_layers_and_models_inside() -> None:
    pixels = keras.Input((8, 8, 3))
    shared = layers.Conv2D(3, 3, padding="same", activation="relu")
    x = layers.Add()([shared(pixels), shared(shared(pixels)), pixels])
    inside = keras.Input((8, 8, 3))
    inner = keras.Model(inside, layers.Conv2D(2, 1)(inside), name="inner")
    x = layers.Concatenate()([inner(x), pixels])
    x = keras.ops.image.resize(x, (11, 5))
    heads = [layers.Dense(7, activation="softmax"), layers.Dense(7, activation="log_softmax")]
    outputs = layers.Average()([head(layers.Flatten()(x)) for head in heads])
    model = keras.Model(pixels, outputs)
    images = np.random.default_rng(0).random((3, 8, 8, 3), np.float32)
    with torch.no_grad():
        found = port(model)(torch.tensor(images).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(found, np.asarray(model(images)), atol=1e-6)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (48, 3, 1, (1, 1)),
        (48, 3, 2, (0, 1)),
        (7, 2, 1, (0, 1)),
        (5, 1, 2, (0, 0)),
        (6, 4, 3, (0, 1)),
    ],
)
def test_padding_is_that_of_tensorflow(
    size: int, kernel: int, stride: int, expected: tuple[int, int]
) -> None:
    assert same_padding(size, kernel, stride, 1) == expected


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (layers.UpSampling2D(2), r"UpSampling2D \(up"),
        (layers.Conv2D(2, 3, activation="mish"), "the activation 'mish'"),
        (layers.BatchNormalization(axis=1), "not over channels"),
        (layers.Dense(3), "a dense layer over maps"),
        (layers.ReLU(threshold=0.5), "a ReLU with a threshold"),
    ],
)
def test_what_is_not_known_is_refused(layer: keras.layers.Layer, what: str) -> None:
    pixels = keras.Input((8, 8, 3))
    with pytest.raises(NotPortableError, match=what):
        port(keras.Model(pixels, layer(pixels)))


def test_a_net_of_several_outputs_inside_is_refused() -> None:
    pixels = keras.Input((8, 8, 3))
    inside = keras.Model(pixels, [keras.layers.Flatten()(pixels), keras.layers.ReLU()(pixels)])
    with pytest.raises(NotPortableError, match="not one input and one output"):
        port(keras.Model(pixels, inside(pixels)[1]))


def test_vgg_small_is_the_same_net_in_pytorch() -> None:
    """Issue: logits within 1e-5, and at most 0.2 % of the faces fall in one framework alone."""
    ours, theirs = both("vgg_small.fer")
    np.testing.assert_allclose(theirs.logits(IMAGES[:100]), ours.logits(IMAGES[:100]), atol=1e-5)
    images = IMAGES[:60]
    labels, keys = ours.predict(images), Keys(0, np.arange(60))
    attack = make_attack("pgd", Norm.LINF, 0.3 / 255, {"steps": 3})
    one, other = (attack(each, images, labels, keys).success for each in (ours, theirs))
    assert (one != other).mean() <= 0.002
    assert 0.1 < one.mean() < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pgd", "apgd"])
def test_the_same_faces_fall_in_both(name: str) -> None:
    ours, theirs = both("vgg_small.fer")
    labels, keys = ours.predict(IMAGES), Keys(0, np.arange(len(IMAGES)))
    differ = []
    for eps in (0.2 / 255, 0.4 / 255, 0.8 / 255):
        attack = make_attack(name, Norm.LINF, eps, {"steps": 20})
        one, other = (attack(each, IMAGES, labels, keys).success for each in (ours, theirs))
        differ += (one != other).tolist()
    assert np.mean(differ) <= 0.002, f"{sum(differ)} of {len(differ)}"


REFUSED = {"emotional_dan.fer", "hybrid.fer"}
"""Their landmarks and histograms are Keras operations, not layers."""


@pytest.mark.slow
def test_every_shipped_net_is_ported_or_refused() -> None:
    for model in zoo.model_ids():
        net = zoo.load(model)
        if not isinstance(net, KerasClassifier):
            continue
        if model in REFUSED:
            with pytest.raises(NotPortableError):
                port(net.model)
            continue
        ported = wrap_torch(port(net.model), net.contract)
        found, expected = (each.logits(IMAGES[:40]) for each in (ported, net))
        np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=model)


def test_an_exported_file_needs_pytorch_alone(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    main("simple_cnn.fer", Format.PT2, path)
    expected = zoo.load("simple_cnn.fer").logits(IMAGES[:3])
    np.save(tmp_path / "images.npy", IMAGES[:3].transpose(0, 3, 1, 2))
    script = f"""
import sys, numpy as np, torch
net = torch.export.load({str(path)!r}).module()
logits = net(torch.tensor(np.load({str(tmp_path / "images.npy")!r}))).detach().numpy()
np.save({str(tmp_path / "logits.npy")!r}, logits)
assert not {{"keras", "tensorflow", "fer_models"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-5)


def test_a_net_that_cannot_be_ported_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hybrid.fer holds .*Take --format keras or onnx"):
        main("hybrid.fer", Format.PT2, tmp_path / "net.pt2")
    assert not list(tmp_path.iterdir())


def test_layers_keep_their_names_and_maps() -> None:
    net, ported = both("simple_cnn.fer")
    expected, found = net.map_sizes(), ported.map_sizes()
    assert expected and {name: found.get(name) for name in expected} == expected
