"""Transfer: views as a linear map, the optimum of a linear net, targets through others."""

import keras
import numpy as np
import pytest

from attacks.base import Keys
from attacks.fgsm import FGSM
from attacks.input_diversity import Views
from attacks.noise import Noise
from attacks.registry import attack_spec
from attacks.sets.sweep import make_adversarial_set
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import Norm
from attacks.transfer import Transfer, TransferTarget, made_on
from datasets.base.errors import InputError
from datasets.labels import FER7, FERPLUS8
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from tests.attacks import tiny

KEYS = Keys(0, np.arange(40))


def sibling(seed, scheme=None, num_classes=7):
    """The tiny convolution with its weights shaken: an own net that has learned the same."""
    model = keras.models.clone_model(tiny.conv(num_classes).model)
    rng = np.random.default_rng(seed)
    weights = tiny.conv(num_classes).model.get_weights()
    model.set_weights([w + 0.3 * w.std() * rng.standard_normal(w.shape) for w in weights])
    contract = Contract(8, 8, 1, scheme or tiny.scheme(num_classes))
    return wrap(model, contract, model_id=f"sibling{seed}")


class Answers(tiny.Classifier):
    """A net of which only the answers are known."""

    def __init__(self, inner):
        self.inner, self.id, self.scheme = inner, "answers", inner.scheme
        self.weights_sha256 = inner.weights_sha256

    def _batch_logits(self, images):
        return self.inner._batch_logits(images)


def test_a_view_by_hand():
    images = np.ones((3, 8, 8, 1), np.float32)
    images[2, :, 1::2] = 0
    draws = np.array(
        [
            [0.9, 0.0, 0.0, 0.0],  # 0.9 is no less than 0.5: as it is
            [0.1, 0.0, 0.0, 0.99],  # smallest side, 7 of 8; first row, last column
            [0.1, 0.0, 0.0, 0.0],
        ]
    )
    seen = Views(draws, 0.5, 8, 8).of(images)[..., 0]
    np.testing.assert_array_equal(seen[0], 1)
    np.testing.assert_allclose(seen[1, :7, 1:], 1, rtol=1e-6)
    assert not seen[1, 7].any() and not seen[1, :, 0].any()
    # column 1 of 7 lies at (1 + 0.5) 8/7 - 0.5 = 1.2143, between a 0 and a 1
    assert seen[2, 0, 1] == pytest.approx(0.2143, abs=1e-4)


def test_gradients_go_back_the_way_that_views_came():
    rng = np.random.default_rng(0)
    images, gradient = rng.random((2, 16, 12, 10, 3))
    views = Views(rng.random((16, 4)), 0.8, 12, 10)
    there = (views.of(images) * gradient).sum(axis=(1, 2, 3))
    back = (images * views.back(gradient)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(there, back, rtol=1e-5)


@pytest.mark.parametrize(("norm", "eps"), [(Norm.LINF, 0.02), (Norm.L2, 0.1)])
def test_on_a_linear_model_it_is_the_optimum(norm, eps):
    classifier, images = tiny.linear(2), tiny.images(40)
    labels = classifier.predict(images)
    plain = Transfer(norm=norm, eps=eps, steps=4, diversity=0, blur=0, step_size=1)
    found = plain(classifier, images, labels, KEYS)
    best = FGSM(norm=norm, eps=eps)(classifier, images, labels, KEYS)
    np.testing.assert_allclose(found.images, best.images, atol=1e-6)


def test_no_image_stops_before_the_end():
    classifier, images = tiny.conv(7), tiny.images(40)
    labels = classifier.predict(images)
    result = Transfer(norm=Norm.LINF, eps=0.1, steps=6)(classifier, images, labels, KEYS)
    assert result.success.all()
    moved = np.abs(result.images - images)
    assert (moved.max(axis=(1, 2, 3)) > 0.0999).all()
    assert moved.mean() > 0.06  # most pixels end far out
    assert (result.cost.backward == 6).all() and (result.cost.forward == 6).all()


def test_an_ensemble_fools_a_net_that_it_never_saw():
    images, target = tiny.images(100), Answers(sibling(0))
    labels, keys = target.predict(images), Keys(0, np.arange(100))
    sources = [sibling(seed) for seed in (1, 2, 3)]
    attack = Transfer(norm=Norm.LINF, eps=0.03)
    through = {
        count: attack(TransferTarget(target, sources[:count]), images, labels, keys).success.sum()
        for count in (1, 3)
    }
    noise = Noise(norm=Norm.LINF, eps=0.03)(target, images, labels, keys).success.sum()
    white = attack(target.inner, images, labels, keys).success.sum()
    assert noise < 0.5 * through[1]
    assert through[1] <= through[3] <= white
    assert through[3] > 20


def test_success_is_what_the_target_says():
    images, target = tiny.images(40), Answers(tiny.linear(7))
    labels = target.predict(images)
    through = TransferTarget(target, [tiny.conv(7)])
    result = Transfer(norm=Norm.LINF, eps=0.1)(through, images, labels, KEYS)
    np.testing.assert_array_equal(result.success, target.predict(result.images) != labels)
    assert not result.success.all()


def test_each_source_is_asked_with_labels_in_its_own_classes():
    fer, ferplus = sibling(1, FER7), sibling(2, FERPLUS8, 8)
    images, target = tiny.images(40), Answers(ferplus)
    labels = np.arange(40) % 8  # 7 is contempt, which FER lacks: five rows
    result = Transfer(norm=Norm.LINF, eps=0.1, steps=3)(
        TransferTarget(target, [fer, ferplus]), images, labels, KEYS
    )
    np.testing.assert_array_equal(result.cost.backward, np.where(labels == 7, 3, 6))
    only_fer = Transfer(norm=Norm.LINF, eps=0.1, steps=3)(
        TransferTarget(target, [fer]), images, labels, KEYS
    )
    unmoved = (only_fer.images == images).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(unmoved, labels == 7)


def test_sets_know_what_they_were_made_on(tmp_path):
    images, target = tiny.images(10), Answers(sibling(0))
    labels = target.predict(images)
    sources = [sibling(1), sibling(2)]
    keys, spec = set(), attack_spec("transfer", Norm.LINF, (0.05,), "any", steps=2)
    for number in (1, 2):
        through = TransferTarget(target, sources[:number])
        task = AttackTask(through, CleanFaces(images, np.arange(10), "x"), labels, spec)
        made = make_adversarial_set(task, tmp_path / str(number))
        keys.add(made.header.key)
        assert made.header.source == made_on(through) == "sibling1,sibling2"[: 9 * number - 1]
    assert len(keys) == 2
    assert made_on(target) == "answers"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("steps", 0), ("step_size", 0), ("momentum", 1.1), ("diversity", -0.1), ("blur", -1),
        ("blur", float("nan")), ("blur", float("inf")), ("loss", "none"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused(option, value):
    with pytest.raises(InputError, match=f"`{option}` must be"):
        Transfer(norm=Norm.LINF, eps=0.1, **{option: value})


def test_a_target_needs_sources():
    with pytest.raises(ValueError, match="at least one classifier"):
        TransferTarget(tiny.BlackBox(), [])
