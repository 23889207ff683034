"""Models that Python gives as objects: their names, contracts, gradients and identity."""

from typing import Any

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7
from fer_models import zoo
from fer_models.classifier import DifferentiableClassifier
from fer_models.contract import Contract, Output
from fer_models.foreign.contract_file import known_contract
from fer_models.given_objects import named
from fer_models.keras_classifier import wrap
from tests.fer_models.conftest import tiny_classifier, tiny_model
from tests.fer_models.foreign.small_nets import CONTRACT, softmax_model

SOFT = {**CONTRACT.model_dump(), "classes": FER7.classes}


def test_a_keras_net_is_loaded_by_its_name(images: np.ndarray) -> None:
    net = softmax_model()
    contract = Contract(8, 8, 1, FER7, low=-1, output=Output.PROBABILITIES)
    with named([net, "simple_cnn.fer"], contract) as names:
        assert names[1] == "simple_cnn.fer"
        assert zoo.resolve(f"{names[0]}+bits4") == [f"{names[0]}+bits4"]
        classifier = zoo.load(names[0])
        assert isinstance(classifier, DifferentiableClassifier)
        assert classifier.id == names[0].removeprefix("object:")
        assert zoo.describe(names[0]).weights_sha256 == classifier.weights_sha256
    np.testing.assert_allclose(
        classifier.logits(images), np.asarray(tiny_model()(images * 2 - 1)), atol=1e-5
    )
    with named([net], SOFT) as names:
        before = zoo.describe(names[0]).weights_sha256
        net.set_weights([weight + 1 for weight in net.get_weights()])
        assert zoo.describe(names[0]).weights_sha256 != before


def test_a_pytorch_net_stays_as_it_is(images: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    from tests.fer_models.pytorch.nets import tiny_module

    net = tiny_module().train()
    before = [value.clone() for value in net.state_dict().values()]
    with named([net], SOFT | {"output": "logits"}) as names:
        classifier = zoo.load(names[0])
        assert isinstance(classifier, DifferentiableClassifier)
        assert classifier.id == "Sequential"
        classifier.logit_gradients(images, np.arange(12) % 7)
    assert all(module.training for module in net.modules())
    assert all(torch.equal(*pair) for pair in zip(before, net.state_dict().values()))
    with torch.no_grad():
        expected = tiny_module()(torch.tensor(images * 2 - 1).permute(0, 3, 1, 2))
    np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-5)


def test_a_pytorch_net_has_its_modes_and_buffers_back(images: np.ndarray) -> None:
    """In eval mode too: a fake quantiser follows the range of what it is shown."""
    torch = pytest.importorskip("torch")
    from tests.fer_models.pytorch.nets import tiny_module

    net = torch.nn.Sequential(torch.ao.quantization.FakeQuantize(), tiny_module())
    net[1][1].train()
    modes = [each.training for each in net.modules()]
    before = [value.clone() for value in net.buffers()]
    with named([net], SOFT | {"output": "logits"}) as names:
        zoo.load(names[0]).logits(images)
        assert not all(torch.equal(*pair) for pair in zip(before, net.buffers()))
    assert [each.training for each in net.modules()] == modes
    assert all(torch.equal(*pair) for pair in zip(before, net.buffers()))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # PyTorch has a newer `weight_norm`
@pytest.mark.parametrize("kind", ["kept", "hook", "weight norm"])
def test_a_pytorch_net_that_cannot_be_copied_is_measured(kind: str, images: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    from tests.fer_models.pytorch.nets import tiny_module

    net = tiny_module()
    expected = tiny_module()(torch.tensor(images * 2 - 1).permute(0, 3, 1, 2)).detach()
    if kind == "weight norm":
        torch.nn.utils.weight_norm(net[5])
    elif kind == "kept":
        net[4].register_forward_hook(lambda layer, _, answer: setattr(layer, "kept", answer))
    else:  # the first belongs to the net that it was made for
        net[1].kept = {}
        net[0].register_forward_hook(lambda _, __, answer: net[1].kept.update(maps=answer))
        net[1].register_forward_hook(lambda layer, _, out: 0 * layer.kept.pop("maps") + out)
    net(torch.zeros(2, 1, 8, 8)).sum().backward()
    with named([net], SOFT | {"output": "logits"}) as names:
        classifier = zoo.load(names[0])
        assert isinstance(classifier, DifferentiableClassifier)
        np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-5)


class Unsaved(keras.layers.Layer):
    """A layer of a notebook: Keras does not know how to make it again."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        return images * self.factor


def test_a_keras_net_that_cannot_be_copied_is_measured(images: np.ndarray) -> None:
    pixels = keras.Input((8, 8, 1))
    net = keras.Model(pixels, tiny_model()(Unsaved(0.5)(pixels)))
    with named([net], SOFT | {"output": "logits", "low": 0}) as names:
        found = zoo.load(names[0]).logits(images)
    np.testing.assert_allclose(found, np.asarray(tiny_model()(images / 2)), atol=1e-5)


def test_a_classifier_keeps_its_contract(images: np.ndarray) -> None:
    given = tiny_classifier(low=-1)
    with named([given]) as names:
        found = zoo.load(names[0])
        assert zoo.describe(names[0]).weights_sha256 == found.weights_sha256
        assert zoo.describe(names[0]).label_set == "fer"
    np.testing.assert_array_equal(found.logits(images), given.logits(images))
    assert given.id == found.id == "tiny"


def test_what_the_contract_of_a_classifier_says_of_outputs_is_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As of a file: logarithms of logits below 0 would all be one number."""
    soft = Contract(8, 8, 1, FER7, output=Output.PROBABILITIES)
    words = r"says probabilities, .* Did you mean logits\?"
    with named([wrap(tiny_model(), soft)]) as (name,), pytest.raises(InputError, match=words):
        zoo.load(name)
    with named([wrap(softmax_model(), Contract(8, 8, 1, FER7))]) as (name,):
        zoo.load(name)
    assert "says logits, but the outputs for two images" in capsys.readouterr().err
    with named([wrap(softmax_model(), soft)]) as (name,):
        zoo.load(name)
    assert not capsys.readouterr().err


def test_two_nets_of_one_name_are_told_apart_and_names_end() -> None:
    nets = [keras.Model(m.input, m.output, name="my.net") for m in (tiny_model(), softmax_model())]
    with named(nets, SOFT) as names:
        assert names == ["object:my_net", "object:my_net_2"]
    with pytest.raises(InputError, match=r"must be given from Python, evaluate\(net\)"):
        zoo.load(names[0])


@pytest.mark.parametrize(
    ("model", "contract", "message"),
    [
        (3, SOFT, "must be a net of Keras or PyTorch, a classifier, an id or a path; got int"),
        (np.argmax, SOFT, r"A function of images has a name: module:function\."),
        (
            tiny_model(),
            {"hight": 3},
            "object:functional.*; hight: no such field",
        ),
        (tiny_model(), {}, "expected a contract; classes: missing"),
        (tiny_model(), {**SOFT, "height": 9}, r"takes images of \(8, 8, 1\); its contract says"),
    ],
)
def test_what_cannot_be_measured_is_one_line(model: Any, contract: Any, message: str) -> None:
    with named([model], contract) as names, pytest.raises(InputError, match=message) as refused:
        known_contract(names[0])
        zoo.load(names[0])
    assert "\n" not in str(refused.value)


def test_an_object_of_an_ended_run_is_refused_in_its_own_words() -> None:
    """As by `evaluation.rescore`; not as a contract to correct."""
    with pytest.raises(InputError, match=r"^object:Net: must be given .*: no file holds it\.$"):
        known_contract("object:Net")
