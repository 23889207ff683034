"""Every classifier that wraps another takes over what it does not change; found by itself."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_type_hints

import keras
import numpy as np
import pytest

from attacks.photos.view import PhotoView
from attacks.transfer import TransferTarget
from datasets.labels import FER7
from evaluation.checks.planted_example import PlantedClassifier
from evaluation.checks.probes import ScaledClassifier
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.defences.base import DefendedClassifier, DifferentiableDefendedClassifier, defend
from fer_models.defences.bit_depth import BitDepth
from fer_models.defences.randomised_smoothing import RandomisedSmoothing
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.reduced_precision import ReducedPrecision
from fer_models.wrapped_classifier import WrappedClassifier
from live.towards import DifferentiableTowards, Towards, towards

ROOT = Path(__file__).parents[2]
ROOMS = ("fer_models", "attacks", "evaluation", "live")
SIDE = 64

WRAP: dict[type[WrappedClassifier], Callable] = {
    DefendedClassifier: lambda inner: DefendedClassifier(inner, BitDepth(3), "bits3"),
    DifferentiableDefendedClassifier: lambda inner: defend(inner, BitDepth(3), "bits3"),
    DifferentiableTowards: lambda inner: towards(inner, 3),
    PhotoView: lambda inner: PhotoView(inner, 80, 4, np.zeros(7, np.float32)),
    PlantedClassifier: PlantedClassifier,
    ReducedPrecision: lambda inner: ReducedPrecision(inner, inner.model),
    ScaledClassifier: ScaledClassifier,
    Towards: lambda inner: Towards(inner, 3),
    TransferTarget: lambda inner: TransferTarget(inner, [inner]),
}
"""A way to make each wrapper: a new one needs a line here."""


def net(seed: int = 0) -> KerasClassifier:
    """A net of grey faces of another size than FER2013's."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(pixels))
    model = keras.Model(pixels, keras.layers.Dense(7)(x))
    return wrap(model, Contract(SIDE, SIDE, 1, FER7), model_id="net64")


def below(kind: type) -> Iterator[type]:
    children: list[type] = kind.__subclasses__()
    yield from children
    for child in children:
        yield from below(child)


def ours(kind: type) -> set[type]:
    """All classes of the project, tests aside, that derive from a class."""
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            if "Classifier)" in file.read_text():
                importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    return {each for each in below(kind) if each.__module__.startswith(ROOMS)}


def test_every_wrapper_is_held_to_this_suite() -> None:
    assert ours(WrappedClassifier) == set(WRAP)


def test_a_class_that_takes_a_classifier_is_a_wrapper() -> None:
    takes = {
        kind
        for kind in ours(Classifier)
        if any(
            inspect.isclass(hint) and issubclass(hint, Classifier)
            for hint in get_type_hints(inspect.getattr_static(kind, "__init__")).values()
        )
    }
    assert takes - {WrappedClassifier} <= set(WRAP)
    assert PhotoView in takes


@pytest.mark.parametrize("kind", WRAP, ids=lambda kind: kind.__name__)
def test_wrapper_takes_over_what_it_does_not_change(kind: type[WrappedClassifier]) -> None:
    inner = net()
    wrapper = WRAP[kind](inner)
    assert type(wrapper) is kind and wrapper.inner is inner
    assert wrapper.face_side == SIDE
    assert wrapper.id.startswith("net64")
    assert wrapper.precision == ("bfloat16" if kind is ReducedPrecision else "float32")
    assert not wrapper.draws_apart
    assert wrapper.exact is (inner if kind is ReducedPrecision else wrapper)
    assert WRAP[kind](net(seed=1)).weights_sha256 != wrapper.weights_sha256
    assert WRAP[kind](net()).weights_sha256 == wrapper.weights_sha256
    side = 80 if kind is PhotoView else SIDE
    images = np.full((2, side, side, 3 if kind is PhotoView else 1), 0.5, np.float32)
    assert wrapper.logits(images).shape == (2, wrapper.scheme.num_classes)


INEXACT = [kind for kind in WRAP if kind is not ReducedPrecision]


@pytest.mark.parametrize("kind", INEXACT, ids=lambda kind: kind.__name__)
def test_wrapper_of_reduced_precision_is_as_inexact_and_its_exact_version_exact(
    kind: type[WrappedClassifier],
) -> None:
    inner = net()
    wrapper = WRAP[kind](ReducedPrecision(inner, inner.model))
    wrapper.id = "renamed"
    assert wrapper.precision == "bfloat16"
    exact = wrapper.exact
    assert exact is wrapper.exact and type(exact) is kind
    assert exact.inner is inner and exact.precision == "float32" and exact.id == "renamed"
    assert exact.exact is exact
    assert exact.weights_sha256 != wrapper.weights_sha256


@pytest.mark.parametrize("kind", INEXACT, ids=lambda kind: kind.__name__)
def test_wrapper_of_a_random_defence_draws_apart(kind: type[WrappedClassifier]) -> None:
    random = defend(net(), RandomisedSmoothing(0.1), "smooth0.1")
    assert random.draws_apart and WRAP[kind](random).draws_apart
