"""Attacks in reduced precision: float32 has the last word, and a trial decides on its use."""

import numpy as np
import pytest
from keras import ops

from attacks import precision_trial
from attacks.base import Keys
from attacks.broken import confirmed
from attacks.precision_trial import passes, try_reduced_precision
from attacks.registry import ATTACKS, attack_spec, make_attack
from attacks.threat_model import Norm
from fer_models import reduced_precision
from fer_models.defences.base import defend
from fer_models.defences.randomised_smoothing import RandomisedSmoothing
from fer_models.gradients import SymbolicClassifier
from fer_models.reduced_precision import ReducedPrecision, reduce_precision
from tests.attacks import tiny

COUNT = 40
SHORT = {
    "pgd": {"steps": 5},
    "apgd": {"steps": 5},
    "apgd_t": {"steps": 3},
    "apgd_chosen": {"steps": 3},
    "ensemble": {"steps": 3, "targeted_steps": 2, "minimal_steps": 3, "queries": 5},
    "ensemble_full": {"steps": 3, "targeted_steps": 2, "minimal_steps": 3, "queries": 5},
}
EPS = 0.02


class FalseTwin(SymbolicClassifier):
    """A classifier whose reduced logits and gradients are a function of its logits."""

    precision = "bfloat16"

    def __init__(self, inner, change):
        self._inner, self._change = inner, change
        self.id, self.scheme, self.weights_sha256 = inner.id, inner.scheme, "twin"

    @property
    def exact(self):
        return self._inner

    def symbolic_logits(self, images):
        return self._change(self._inner.symbolic_logits(images))

    def reduced_logits(self, images):
        return self.attacked_logits(images)

    def _batch_logits(self, images):
        return self._inner._batch_logits(images)


def liar(inner):
    """Calls every image broken that is not of class 0."""
    return FalseTwin(inner, lambda logits: logits + 100.0 * np.eye(7, dtype=np.float32)[0])


def blind(inner):
    """Answers right and has no gradient."""
    return FalseTwin(inner, ops.stop_gradient)


def setting():
    classifier, images = tiny.conv(7), tiny.images(COUNT)
    labels = classifier.predict(images)
    images, labels = images[labels != 0], labels[labels != 0]
    return classifier, images, labels, Keys(0, np.arange(len(labels)))


@pytest.fixture
def emulated(monkeypatch):
    """As if the processor had the instructions."""
    monkeypatch.setattr(reduced_precision, "has_bfloat16", lambda: True)


@pytest.mark.parametrize("name", SHORT)
def test_an_image_leaves_only_when_float32_says_so(name):
    classifier, images, labels, keys = setting()
    attack = make_attack(name, Norm.LINF, EPS, SHORT[name])
    honest, lied_to = (attack(c, images, labels, keys) for c in (classifier, liar(classifier)))
    assert (classifier.predict(images) == labels).all()
    assert lied_to.success.sum() > 0.5 * honest.success.sum() > 1
    np.testing.assert_array_equal(lied_to.success, classifier.predict(lied_to.images) != labels)


def test_asking_again_is_counted():
    classifier, images, labels, keys = setting()
    attack = make_attack("pgd", Norm.LINF, 1e-6, {"steps": 5})
    result = attack(liar(classifier), images, labels, keys)
    assert not result.success.any()
    assert (result.cost.forward == 11).all()  # 5 gradients, each called broken, and the last point
    assert (result.cost.backward == 5).all()


def test_an_exact_classifier_is_not_asked_again():
    classifier, images, labels, _ = setting()
    now = np.ones(len(labels), bool)
    sure, asked = confirmed(classifier, images, labels, now)
    assert sure.all() and not asked.any()
    sure, asked = confirmed(liar(classifier), images, labels, now)
    assert not sure.any() and asked.all()


@pytest.mark.parametrize("name", ["fmn", "square", "noise"])
def test_attacks_in_full_precision_never_see_the_twin(name):
    classifier, images, labels, keys = setting()
    attack = make_attack(
        name, Norm.LINF, EPS, {"fmn": {"steps": 5}, "square": {"queries": 9}}.get(name, {})
    )
    assert not ATTACKS[name].reduced_precision
    honest, twin = (attack(c, images, labels, keys) for c in (classifier, blind(classifier)))
    assert honest.images.tobytes() == twin.images.tobytes()


@pytest.mark.parametrize("name", SHORT)
def test_a_real_twin_is_as_strong(name, emulated):
    classifier, images, labels, keys = setting()
    twin = reduce_precision(classifier)
    assert twin is not None
    attack = make_attack(name, Norm.LINF, EPS, SHORT[name])
    exact, less = (attack(c, images, labels, keys).success.sum() for c in (classifier, twin))
    assert less > 1 and abs(exact - less) <= 1


def plan(images, labels, steps=1000, grid=(0.0, EPS)):
    spec = attack_spec("pgd", Norm.LINF, grid, "fer", steps=steps)
    rows = np.arange(len(labels))
    return try_reduced_precision(
        tiny.conv(7), images, labels, rows, [spec], passes(spec, len(labels))
    )


def test_a_twin_as_strong_as_float32_is_taken(emulated):
    _, images, labels, _ = setting()
    classifier, why = plan(images, labels)
    assert isinstance(classifier, ReducedPrecision) and "in bfloat16" in why


def test_nothing_is_tried_where_nothing_may_change(emulated):
    _, images, labels, _ = setting()
    assert plan(images, labels, grid=(0.0,)) == (tiny.conv(7), "")


def test_a_weak_twin_is_not(monkeypatch):
    _, images, labels, _ = setting()
    monkeypatch.setattr(reduced_precision, "reduce_precision", blind)
    classifier, why = plan(images, labels)
    assert classifier is tiny.conv(7)
    assert "leaves 100.00 % in bfloat16" in why


def test_a_few_hundredths_of_a_point_decide(monkeypatch):
    _, images, labels, _ = setting()
    monkeypatch.setattr(reduced_precision, "reduce_precision", blind)
    shares = iter([0.5, 0.502, 0.5, 0.5021])
    monkeypatch.setattr(precision_trial, "_robust_accuracy", lambda *_: next(shares))
    assert plan(images, labels)[0].precision == "bfloat16"
    assert plan(images, labels)[0].precision == "float32"


def test_without_bfloat16_nothing_is_tried(monkeypatch):
    _, images, labels, _ = setting()
    monkeypatch.setattr(reduced_precision, "has_bfloat16", lambda: False)
    monkeypatch.setattr(precision_trial, "_robust_accuracy", None)
    assert plan(images, labels) == (tiny.conv(7), "the processor has no bfloat16")


def test_a_short_attack_is_not_worth_a_trial(emulated, monkeypatch):
    _, images, labels, _ = setting()
    monkeypatch.setattr(precision_trial, "_robust_accuracy", None)
    assert plan(images, labels, steps=20) == (tiny.conv(7), "")


def test_passes_count_steps_restarts_queries_and_the_grid():
    def spec(name, **options):
        return attack_spec(name, Norm.LINF, (0.01, 0.02), "fer", **options)

    assert passes(spec("fgsm"), 10) == 0
    assert passes(spec("pgd", steps=7, restarts=3), 10) == 10 * 2 * 7 * 3
    assert passes(spec("square", queries=50), 10) == 10 * 2 * 50
    found = spec("ensemble", steps=1, targeted_steps=2, minimal_steps=3, queries=4)
    assert passes(found, 10) == 10 * 2 * 10
    assert passes(spec("apgd_t", steps=7, targets=4), 10) == 10 * 2 * 7 * 4


@pytest.mark.parametrize("name", ["pgd", "apgd"])
def test_a_random_defence_is_not_left_before_it_is_broken(name):
    """What an attacker's own draws call broken is asked again over the draws that judge it."""
    net, images = tiny.conv(3), tiny.images(40)
    defended = defend(net, RandomisedSmoothing(0.5), "smooth0.5")
    labels = defended.predict(images)
    attack = make_attack(name, Norm.LINF, 0.02, {"steps": 5})
    result = attack(defended, images, labels, Keys(0, np.arange(40)))
    own = np.argmax(defended.symbolic_logits(images), axis=1)
    assert (own != labels).any()  # over those draws some seem broken before the attack
    assert not (result.images == images).all(axis=(1, 2, 3)).any()
