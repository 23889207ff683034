"""What is learnt on some faces misleads others, stays in its bounds, and meets closed forms."""

import numpy as np
import pytest

from attacks.base import Keys
from attacks.universal import Sticker, UniversalPerturbation, learn_sticker, learn_universal
from tests.attacks.tiny import FunctionClassifier, conv, images, linear


def weights() -> np.ndarray:
    """Of a linear net with two classes: d(z_1 - z_0) / d pixels, (8, 8, 1)."""
    kernel = np.asarray(linear(2).model.layers[-1].kernel)
    return (kernel[:, 1] - kernel[:, 0]).reshape(8, 8, 1)


def test_on_a_linear_net_it_is_the_sign_of_the_weights():
    # Every image of class 0 has the same gradient, so the best pattern is its sign.
    faces = images(60)
    learnt = learn_universal(linear(2), faces, np.zeros(60, int), eps=0.001)
    assert np.array_equal(learnt.pattern, np.sign(weights()))


def test_labels_say_where_away_from():
    faces = images(60)
    learnt = learn_universal(linear(2), faces, np.ones(60, int), eps=0.001)
    assert np.array_equal(learnt.pattern, -np.sign(weights()))


@pytest.mark.parametrize("eps", [0.0, 4 / 255, 0.5, 1.0])
def test_attacked_within_eps_and_range(eps):
    faces = np.random.default_rng(0).random((20, 8, 8, 3), dtype=np.float32)
    pattern = np.random.default_rng(1).uniform(-1, 1, (8, 8, 3)).astype(np.float32)
    attacked = UniversalPerturbation(pattern).apply(faces, eps)
    assert attacked.dtype == np.float32
    assert attacked.min() >= 0 and attacked.max() <= 1
    assert np.abs(attacked - faces).max() <= eps + 1e-6


def test_other_images_are_misled_more_often_than_by_random_signs():
    net, seen, new = conv(5), images(100), images(100, seed=1)
    learnt = learn_universal(net, seen, net.predict(seen), eps=0.1)
    signs = UniversalPerturbation(
        np.random.default_rng(2).choice((-1, 1), seen.shape[1:]).astype(np.float32)
    )
    labels = net.predict(new)
    fooled = [(net.predict(u.apply(new, 0.1)) != labels).mean() for u in (learnt, signs)]
    assert fooled[0] > fooled[1] + 0.2


def test_sticker_lies_somewhere_on_each_image_and_changes_nothing_else():
    faces, patch = images(50, (9, 12, 3)), np.ones((4, 4, 3), np.float32)
    stuck = Sticker(patch).apply(faces, Keys(0, np.arange(50)))
    changed = (stuck != faces).any(axis=3)
    assert (changed.sum(axis=(1, 2)) == 16).all()
    corners = {tuple(np.argwhere(rows)[0]) for rows in changed}
    assert len(corners) > 20  # of 6 x 9 places
    assert (stuck[changed] == 1).all()
    again = Sticker(patch).apply(faces[7:8], Keys(0, np.array([7])))
    assert np.array_equal(again[0], stuck[7])


@pytest.mark.parametrize(("away_from", "grey"), [(0, 1.0), (1, 0.0)])
def test_sticker_is_white_where_bright_pixels_lead_away(away_from, grey):
    def logits(pixels):  # class 1 from a mean of 0.9 on
        from keras import ops

        mean = ops.mean(pixels, axis=(1, 2, 3))
        return ops.stack([0 * mean, mean - (0.9 if away_from == 0 else 0.1)], axis=1)

    faces = images(50)
    learnt = learn_sticker(
        FunctionClassifier(logits, 2), faces, np.full(50, away_from), size=0.4, passes=6
    )
    assert learnt.patch.shape == (3, 3, 1)
    assert (learnt.patch == grey).all()


def test_same_seed_same_pattern():
    net, faces = conv(3), images(60)
    one, two, other = (
        learn_universal(net, faces, net.predict(faces), eps=0.05, seed=seed).pattern
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_where_nothing_stands_nothing_is_learnt():
    net, faces = conv(3), images(30)
    wrong = (net.predict(faces) + 1) % 3
    assert not learn_universal(net, faces, wrong, eps=0.0).pattern.any()
