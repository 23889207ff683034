"""Gradients at the clean images are computed once for all eps and for the next attack."""

from pathlib import Path

import numpy as np
import pytest

from attacks.registry import attack_spec
from attacks.sets.chunks import Chunk
from attacks.sets.contents import AdversarialSet
from attacks.sets.first_gradients import FirstGradients, begun, remembering
from attacks.sets.sweep import make_adversarial_set
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import Norm
from fer_models.classifier import DifferentiableClassifier, Gradients
from fer_models.losses import Loss
from fer_models.wrapped_classifier import WrappedClassifier
from tests.attacks import tiny

GRID = (0.004, 0.02, 0.05)
CLEAN = CleanFaces(tiny.images(120), np.arange(120), "faces")
LOSS = Loss.SCALED_CROSS_ENTROPY


class Counted(WrappedClassifier, DifferentiableClassifier):
    """Remembers how many images each call for gradients has, and which are clean."""

    inner: DifferentiableClassifier

    def __init__(self) -> None:
        super().__init__(tiny.conv(7))
        self.calls: list[int] = []
        self.clean = 0

    def input_gradients(
        self, images: np.ndarray, labels: np.ndarray, loss: Loss, targets: np.ndarray | None = None
    ) -> Gradients:
        self.calls.append(len(images))
        known = {image.tobytes() for image in CLEAN.images[:]}
        self.clean += sum(image.tobytes() in known for image in images)
        return self.inner.input_gradients(images, labels, loss, targets)

    def attacked_logits(self, images):
        return self.inner.attacked_logits(images)

    def pullback(self, images):
        return self.inner.pullback(images)

    def _batch_logits(self, images):
        return self.inner._batch_logits(images)


def attacked(classifier, name: str, folder: Path, **options: int) -> AdversarialSet:
    labels = tiny.conv(7).predict(CLEAN.images)
    spec = attack_spec(name, Norm.LINF, GRID, "tiny", **options)
    return make_adversarial_set(AttackTask(classifier, CLEAN, labels, spec), folder)


@pytest.mark.parametrize(("name", "options"), [("fgsm", {}), ("pgd", {"steps": 4})])
def test_every_eps_begins_with_the_same_gradients(
    name: str, options: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, plain = Counted(), Counted()
    once = attacked(counted, name, tmp_path / "once", **options)
    monkeypatch.setattr("attacks.sets.chunks.begun", lambda classifier: classifier)
    each = attacked(plain, name, tmp_path / "each", **options)
    assert counted.clean == 120 < plain.clean
    for part in ("smallest_eps", "image_rows", "forward", "backward", "zero_gradients"):
        np.testing.assert_array_equal(getattr(once, part), getattr(each, part))
    np.testing.assert_allclose(once.images[:], each.images[:], atol=1e-6)


def test_the_next_attack_takes_them_over_and_makes_the_bytes_that_it_makes_alone(
    tmp_path: Path,
) -> None:
    counted = Counted()
    both = remembering(counted)
    attacked(both, "fgsm", tmp_path / "fgsm")
    before = counted.clean
    after = attacked(both, "pgd", tmp_path / "pgd", steps=4)
    assert before == counted.clean == 120
    alone = attacked(Counted(), "pgd", tmp_path / "alone", steps=4)
    for part in ("smallest_eps", "images", "forward", "backward"):
        assert getattr(after, part)[:].tobytes() == getattr(alone, part)[:].tobytes()


@pytest.mark.parametrize("transfer_set", [False, True])
def test_a_smaller_chunk_takes_nothing_from_a_larger_one_before_it(transfer_set: bool) -> None:
    """Last bits depend on the batch, so a chunk would depend on what the process did before."""
    counted, images = Counted(), CLEAN.images[:]
    memory = remembering(counted)
    labels = counted.predict(images)
    for rows in (np.arange(100), np.arange(3)):
        spec = attack_spec("fgsm", Norm.LINF, GRID[:1], "tiny")
        counted.calls.clear()
        Chunk(spec, rows, labels[rows], transfer_set).make(memory, images[rows])
    assert counted.calls[0] == 3


def test_other_images_labels_and_losses_are_computed() -> None:
    counted = Counted()
    memory = begun(counted)
    assert isinstance(memory, FirstGradients)
    images, labels = CLEAN.images[:6], np.zeros(6, np.int64)
    first = memory.input_gradients(images, labels, LOSS)
    first.gradient[:] = 0  # what an attack does to its gradients changes no memory
    again = memory.input_gradients(images[2:4], labels[2:4], LOSS)
    exact = counted.inner.input_gradients(images, labels, LOSS)
    assert counted.calls == [6]
    for mine, theirs in zip(again, exact, strict=True):
        np.testing.assert_array_equal(mine, theirs[2:4])
    memory.input_gradients(images[2:4], labels[2:4] + 1, LOSS)
    memory.input_gradients(images[2:4] + np.float32(1e-6), labels[2:4], LOSS)
    memory.input_gradients(images[2:4], labels[2:4], Loss.MARGIN)
    memory.input_gradients(images[2:4], labels[2:4], Loss.MARGIN, labels[2:4] + 1)
    assert counted.calls == [6, 2, 2, 2, 2]


def test_a_later_step_costs_the_hash_of_one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = begun(Counted())
    assert isinstance(memory, FirstGradients)
    images, labels = CLEAN.images[:6], np.zeros(6, np.int64)
    memory.input_gradients(images, labels, LOSS)
    names = iter([b"another"])  # a second one would be an error
    monkeypatch.setattr("attacks.sets.first_gradients._name", lambda *_: next(names))
    memory.input_gradients(images + np.float32(1e-3), labels, LOSS)
    assert not [*names]


def test_what_is_remembered_for_the_next_attack_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = CLEAN.images[:6], np.zeros(6, np.int64)
    monkeypatch.setattr("attacks.sets.first_gradients.MOST_BYTES", 2 * images[:2].nbytes)
    counted = Counted()
    memory = remembering(counted)
    for start in (0, 2, 4, 4, 2, 0):
        begun(memory)
        part = slice(start, start + 2)
        memory.input_gradients(images[part], labels[part], LOSS)  # type: ignore[attr-defined]
    assert counted.calls == [2, 2, 2, 2]  # the first one was forgotten


def test_a_model_that_draws_anew_and_another_precision_have_no_memory() -> None:
    random = Counted()
    random.draws_apart = True
    assert begun(random) is random
    memory = remembering(Counted())
    assert memory.exact is memory and remembering(memory) is memory
    memory.inner.exact = other = Counted()  # type: ignore[attr-defined]
    assert memory.exact is other
