"""Every classifier that wraps another takes over what it does not change; found by itself."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_type_hints

import keras
import numpy as np
import pytest

from attacks.photos.view import DifferentiablePhotoView, PhotoView, SymbolicPhotoView
from attacks.sets.first_gradients import FirstGradients
from attacks.threat_model import Norm
from attacks.transfer import TransferTarget
from datasets.labels import FER7
from evaluation.checks.planted_heads import PlantedHeads
from evaluation.known_answers import KnownAnswers
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.defences.base import (
    DefendedClassifier,
    DifferentiableDefendedClassifier,
    SymbolicDefendedClassifier,
    defend,
)
from fer_models.defences.bit_depth import BitDepth
from fer_models.defences.randomised_smoothing import RandomisedSmoothing
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.keras_wrapper import (
    DifferentiableKerasWrapper,
    KerasWrapper,
    SymbolicKerasWrapper,
)
from fer_models.linear_head import LinearHead
from fer_models.reduced_precision import ReducedPrecision
from fer_models.without_gradients import WithoutGradients
from fer_models.wrapped_classifier import WrappedClassifier
from live.towards import DifferentiableTowards, SymbolicTowards, Towards

ROOT = Path(__file__).parents[2]
ROOMS = ("fer_models", "attacks", "evaluation", "live")
SIDE = 64


def defended(kind: type[DefendedClassifier]) -> Callable:
    return lambda inner: kind(inner, BitDepth(3), "bits3")


def view(kind: type[PhotoView]) -> Callable:
    return lambda inner: kind(inner, 80, 4, np.zeros(7, np.float32))


WRAP: dict[type[WrappedClassifier], Callable] = {
    DefendedClassifier: defended(DefendedClassifier),
    DifferentiableDefendedClassifier: defended(DifferentiableDefendedClassifier),
    DifferentiableKerasWrapper: DifferentiableKerasWrapper,
    DifferentiablePhotoView: view(DifferentiablePhotoView),
    DifferentiableTowards: lambda inner: DifferentiableTowards(inner, 3),
    FirstGradients: FirstGradients,
    KerasWrapper: KerasWrapper,
    LinearHead: lambda inner: LinearHead(inner, 2 * np.eye(7)),
    KnownAnswers: KnownAnswers,
    PhotoView: view(PhotoView),
    PlantedHeads: lambda inner: PlantedHeads(
        inner, np.zeros((1, SIDE, SIDE, 1), np.float32), np.ones((1, 7)), np.zeros(1), Norm.LINF
    ),
    ReducedPrecision: lambda inner: ReducedPrecision(inner, inner.model),
    SymbolicDefendedClassifier: defended(SymbolicDefendedClassifier),
    SymbolicKerasWrapper: SymbolicKerasWrapper,
    SymbolicPhotoView: view(SymbolicPhotoView),
    SymbolicTowards: lambda inner: SymbolicTowards(inner, 3),
    Towards: lambda inner: Towards(inner, 3),
    TransferTarget: lambda inner: TransferTarget(inner, [inner]),
    WithoutGradients: lambda inner: WithoutGradients(inner, "its gradient is zero"),
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
    photo = issubclass(kind, PhotoView)
    side = 80 if photo else SIDE
    images = np.full((2, side, side, 3 if photo else 1), 0.5, np.float32)
    assert wrapper.logits(images).shape == (2, wrapper.scheme.num_classes)


INEXACT = [kind for kind in WRAP if kind is not ReducedPrecision]
REWRAPPED = [kind for kind in INEXACT if kind is not FirstGradients]  # which leaves its memory out


def test_the_exact_version_of_a_net_with_a_memory_has_none() -> None:
    inner = net()
    reduced = ReducedPrecision(inner, inner.model)
    assert FirstGradients(reduced).exact is reduced.exact


@pytest.mark.parametrize("kind", REWRAPPED, ids=lambda kind: kind.__name__)
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
