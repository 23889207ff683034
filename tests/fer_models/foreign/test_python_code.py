"""Nets and factories as code: what is differentiable, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from fer_models.classifier import DifferentiableClassifier
from fer_models.foreign.classifier import load_foreign
from fer_models.foreign.python_code import is_factory
from tests.fer_models.foreign.small_nets import CONTRACT, OUTSIDE, softmax_model


class KnownToItsCode(keras.Model):
    """A net whose graph Keras does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = softmax_model()

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        return self.inner(images)


class NeedsAWidth(keras.Model):
    """A net that cannot be built without an argument."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = keras.layers.Dense(width)


NET = softmax_model()
BY_CODE = KnownToItsCode()
LAYER = keras.layers.Pipeline([softmax_model()])


def a_row_of_layers() -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 1)), softmax_model()])


def layers_without_a_size() -> keras.Model:
    return keras.Sequential([softmax_model()])


def with_options(width: float = 1.0, **options: object) -> keras.Model:
    return softmax_model()


def broken() -> keras.Model:
    raise OSError("no weights\nhere")


def no_net() -> str:
    return "a net"


def needs_a_path(path: object) -> keras.Model:
    return softmax_model()


@pytest.mark.parametrize(
    "name",
    [
        "NET",
        "BY_CODE",
        "LAYER",
        "softmax_model",
        "a_row_of_layers",
        "layers_without_a_size",
        "with_options",
        "KnownToItsCode",
    ],
)
def test_a_net_as_code_has_gradients(name: str, images: np.ndarray) -> None:
    classifier = load_foreign(f"{__name__}:{name}", CONTRACT)
    assert isinstance(classifier, DifferentiableClassifier)
    black_box = load_foreign(OUTSIDE, CONTRACT).logits(images)
    logits = classifier.logits(images)
    np.testing.assert_allclose(
        logits - logits.mean(axis=1, keepdims=True),
        black_box - black_box.mean(axis=1, keepdims=True),
        atol=1e-4,
    )
    step = np.zeros_like(images)
    step[:, 3, 4] = 1e-2
    classes = np.full(len(images), 3)
    slope = classifier.logit_gradients(images, classes)[:, 3, 4, 0]
    inside = np.clip(images, 0.02, 0.98)
    ends = [classifier.logits(inside + sign * step)[:, 3] for sign in (1, -1)]
    slope = classifier.logit_gradients(inside, classes)[:, 3, 4, 0]
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-2, slope, atol=2e-3)
    assert np.abs(slope).max() > 1e-2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "broken: takes no images, .* to build a net, and raises OSError: no weights h"),
        ("no_net", "no_net: takes no images, so it must return a net .* it returned str"),
        ("needs_a_path", "it returns a net; a factory of nets takes no arguments"),
        ("softmax_modle", "has no 'softmax_modle'. Did you mean softmax_model?"),
        ("NeedsAWidth", "NeedsAWidth is a class of nets that needs arguments. Write a function"),
        ("zzz", "has no 'zzz'. Name a net, a function or a class."),
        ("__doc__", "got str. Name a net, a function or a class."),
    ],
)
def test_a_factory_that_gives_no_net_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        load_foreign(f"{__name__}:{name}", CONTRACT)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        (lambda: 0, True),
        (lambda width=8, **rest: 0, True),
        (lambda images: 0, False),
        (lambda *images: 0, False),
        (lambda images, *, batch=8: 0, False),
        (NET, False),
        (np.argmax, False),
    ],
)
def test_what_takes_images_is_no_factory(function: Callable, answer: bool) -> None:
    assert is_factory(function) == answer


def test_a_net_that_cannot_take_the_images_is_one_line() -> None:
    wrong = CONTRACT.model_copy(update={"height": 5})
    with pytest.raises(InputError, match=r"BY_CODE: must take .* given \(1, 5, 8, 1\) it fails"):
        load_foreign(f"{__name__}:BY_CODE", wrong)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_package_x", "No module named 'no_such_package_x'. Correct it, or install"),
        ("def f(:", "raises SyntaxError: .* Correct it"),
        ("raise SystemExit('bye')", "raises SystemExit: bye. Put what the file runs when it is st"),
    ],
)
def test_a_module_that_fails_on_import_is_one_line(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fails_on_import.py").write_text(text)
    with pytest.raises(InputError, match=words) as refused:
        load_foreign("fails_on_import:f", CONTRACT)
    assert "\n" not in str(refused.value)
