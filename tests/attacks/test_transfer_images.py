"""Images made for a black box serve the next: made once, the same ones, also after a kill."""

import numpy as np
import pytest

from attacks.base import Keys
from attacks.threat_model import Norm
from attacks.transfer import Transfer, TransferTarget
from attacks.transfer_images import TransferImages
from fer_models.keras_classifier import KerasClassifier
from tests.attacks import tiny
from tests.attacks.test_transfer import Answers, sibling

ATTACK = Transfer(norm=Norm.LINF, eps=0.05, steps=2)


@pytest.fixture
def asked(monkeypatch):
    """How many images each call asked a source's gradients for."""
    counts, gradients = [], KerasClassifier.input_gradients

    def listen(source, images, labels, loss):
        counts.append(len(images))
        return gradients(source, images, labels, loss)

    monkeypatch.setattr(KerasClassifier, "input_gradients", listen)
    return counts


def attack(target, rows, kept, attack=ATTACK, seed=0, away_from=0):
    """Rows of forty images attacked on the target through two siblings."""
    sources, images = [sibling(1), sibling(2)], tiny.images(40)[rows]
    labels = (tiny.conv(7).predict(images) + away_from) % 7
    return attack(TransferTarget(target, sources, kept), images, labels, Keys(seed, rows))


def test_what_one_target_was_shown_is_not_made_again_for_the_next(tmp_path, asked):
    kept = TransferImages(tmp_path / "kept")
    one, other = Answers(sibling(0)), Answers(tiny.linear(7))
    first = attack(one, np.arange(20), kept)
    assert asked == [20] * 4  # two steps, two sources
    second = attack(other, np.arange(30)[::-1], kept)
    assert asked == [20] * 4 + [10] * 4
    np.testing.assert_array_equal(second.images[::-1][:20], first.images)
    np.testing.assert_array_equal(second.cost.backward, 4)
    labels = tiny.conv(7).predict(tiny.images(40)[:30])[::-1]
    np.testing.assert_array_equal(second.success, other.predict(second.images) != labels)
    alone = attack(other, np.arange(30)[::-1], None)
    np.testing.assert_allclose(second.images, alone.images, atol=1e-6)
    np.testing.assert_array_equal(second.cost, alone.cost)


def test_a_killed_run_goes_on_with_the_images_it_had(tmp_path, asked):
    target, rows = Answers(sibling(0)), np.arange(20)
    first = attack(target, rows, TransferImages(tmp_path))
    asked.clear()
    again = attack(target, rows, TransferImages(tmp_path))
    assert not asked
    np.testing.assert_array_equal(again.images, first.images)
    np.testing.assert_array_equal(again.cost, first.cost)


@pytest.mark.parametrize(
    "other",
    [
        {"attack": Transfer(norm=Norm.LINF, eps=0.06, steps=2)},
        {"attack": Transfer(norm=Norm.LINF, eps=0.05, steps=2, momentum=0.5)},
        {"seed": 1},
        {"away_from": 1},
    ],
)
def test_another_attack_seed_or_label_is_another_image(other, tmp_path, asked):
    kept, target, rows = TransferImages(tmp_path), Answers(sibling(0)), np.arange(5)
    attack(target, rows, kept)
    asked.clear()
    attack(target, rows, kept, **other)
    assert asked == [5] * 4


def test_images_of_another_code_version_are_made_again(tmp_path, asked, monkeypatch):
    target, rows = Answers(sibling(0)), np.arange(5)
    attack(target, rows, TransferImages(tmp_path))
    asked.clear()
    monkeypatch.setattr("attacks.transfer_images.CODE_VERSION", 0)
    attack(target, rows, TransferImages(tmp_path))
    assert asked == [5] * 4


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_made_again(damage, tmp_path, asked):
    target, rows = Answers(sibling(0)), np.arange(5)
    first = attack(target, rows, TransferImages(tmp_path))
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage)
    asked.clear()
    again = attack(target, rows, TransferImages(tmp_path))
    assert asked
    np.testing.assert_array_equal(again.images, first.images)
    assert len(TransferImages(tmp_path).missing(np.array([path.stem]))) == 0
