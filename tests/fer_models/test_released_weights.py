"""Weights of a net that lies in files are freed by `release`, and loaded again when it is used."""

import gc
import pickle
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.base.errors import InputError
from evaluation.api import _load
from evaluation.stages.explanation_shift import explain
from evaluation.stages.residence import READY
from fer_models import reduced_precision
from fer_models.cards import CARDS, WEIGHTS
from fer_models.classifier import Classifier
from fer_models.keras_classifier import KerasClassifier
from fer_models.losses import Loss
from fer_models.reduced_precision import reduce_precision
from fer_models.wrapped_classifier import WrappedClassifier
from fer_models.zoo import load
from tests.evaluation import tiny

NET = "tiny.fer"
IMAGES = np.random.default_rng(0).random((5, 48, 48, 1), np.float32)


def net(name: str = NET) -> KerasClassifier:
    found = load(name)
    assert isinstance(found, KerasClassifier)
    return found


def answers(classifier: Any) -> list[np.ndarray]:
    """Weights are loaded while the first of these calls is compiled."""
    labels = np.arange(len(IMAGES))
    return [*classifier.input_gradients(IMAGES, labels, Loss.MARGIN), classifier.logits(IMAGES)]


def names_in(model: KerasClassifier) -> list[str]:
    return [each.path for each in model.loaded().weights]


def freed(classifier: Classifier, model: KerasClassifier) -> bool:
    """Whether `release` of a classifier frees the weights of a model in it."""
    weights = [weakref.ref(each) for each in model.loaded().weights]
    classifier.release()
    gc.collect()
    return all(each() is None for each in weights)


@pytest.mark.parametrize("name", [NET, f"{NET}+jpeg75"])
def test_weights_are_freed_and_the_answers_stay_the_same(name: str) -> None:
    classifier: Any = load(name)
    inner: Any = classifier.inner if isinstance(classifier, WrappedClassifier) else classifier
    before = answers(classifier)
    for _ in range(2):
        assert freed(classifier, inner)
        np.testing.assert_equal(answers(classifier), before)


def test_a_copy_in_another_process_can_free_its_weights_too() -> None:
    classifier = net()
    before = answers(classifier)
    sent = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_equal(answers(sent), before)
    assert freed(sent, sent) and not freed(sent, classifier)
    np.testing.assert_equal(answers(sent), before)


def test_a_mean_loads_its_members_again() -> None:
    mean = net("mean_of_nets.fer")
    before, names = mean.loaded().get_weights(), names_in(mean)
    assert freed(mean, mean)
    np.testing.assert_equal(mean.loaded().get_weights(), before)
    assert names_in(mean) == names


def test_a_net_has_the_names_it_had() -> None:
    """TensorFlow keeps an operation for each name of a variable."""
    first, second = net(), net()
    assert names_in(first) == names_in(second)
    second.release()
    assert names_in(first) == names_in(second)


def test_the_twin_in_bfloat16_is_freed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduced_precision, "has_bfloat16", lambda: True)
    reduced = reduce_precision(net())
    before = answers(reduced)
    assert freed(reduced, reduced._twin)
    np.testing.assert_equal(answers(reduced), before)


def test_a_file_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_bytes((CARDS / f"{NET}.json").read_bytes())
    weights = tmp_path / "weights.npz"
    weights.write_bytes((WEIGHTS / f"{NET}.npz").read_bytes())
    classifier = net(str(tmp_path))
    classifier.release()
    weights.write_bytes((WEIGHTS / "mini_xception.fer.npz").read_bytes())
    for use in (classifier.logits, lambda images: explain(classifier, images, images)):
        with pytest.raises(InputError, match="The weights are not those the card describes"):
            use(IMAGES)


def test_a_model_that_its_user_may_have_changed_stays() -> None:
    classifier = net()
    kernel = classifier.model.trainable_variables[-1]
    kernel.assign(kernel + 1)
    changed = answers(classifier)
    assert not freed(classifier, classifier)
    np.testing.assert_equal(answers(classifier), changed)


@pytest.mark.parametrize(("models", "kept"), [(READY, READY), (READY + 1, 1)])
def test_a_run_of_many_models_keeps_the_weights_of_the_last(models: int, kept: int) -> None:
    names = [f"{NET}+bits{number}" for number in range(1, models + 1)]
    classifiers, _ = _load(names, {}, tiny.faces())
    nets = [each.inner for each in classifiers if isinstance(each, WrappedClassifier)]
    loaded = [isinstance(each, KerasClassifier) and each._model is not None for each in nets]
    assert loaded == [False] * (models - kept) + [True] * kept
