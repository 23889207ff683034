"""Whether gradients foretell small steps: near 1 for a smooth net's own, far from it for others."""

import numpy as np
import pytest
from keras import ops

from attacks.base import Keys
from attacks.ensembles.foretelling import TILES, foretelling
from tests.attacks import tiny

COUNT = 20
SIZE = 0.003


def told(classifier, size=SIZE, rows=slice(None)):
    images = tiny.images(COUNT)
    labels, keys = classifier.predict(images), Keys(0, np.arange(COUNT))
    return foretelling(classifier, images[rows], labels[rows], size, keys.take(rows))


def with_gradients_of(answers, gradients):
    """A net that answers like the first function of pixels, with gradients of the second."""

    def logits(pixels):
        lie = gradients(pixels)
        return lie + ops.stop_gradient(answers(pixels) - lie)

    return tiny.FunctionClassifier(logits, 7)


def test_it_is_one_for_a_linear_net_and_near_it_for_a_smooth_one():
    np.testing.assert_allclose(told(tiny.linear(7), 0.05)[0], 1, atol=1e-4)
    found = told(tiny.conv(7))[0]
    assert found.min() > 0.7 and np.median(found) > 0.98


def test_the_scale_of_the_gradients_does_not_matter_but_their_sign_does():
    net = tiny.conv(7).symbolic_logits
    for factor, sign in ((100, 1), (-0.01, -1)):
        scaled = with_gradients_of(net, lambda pixels, factor=factor: factor * net(pixels))
        np.testing.assert_allclose(told(scaled)[0], sign * told(tiny.conv(7))[0], atol=1e-3)


@pytest.mark.parametrize("levels", [16, 64])
def test_a_net_that_rounds_its_input_surprises_gradients_passed_straight_through(levels):
    net = tiny.conv(7).symbolic_logits
    rounding = with_gradients_of(lambda pixels: net(ops.round(pixels * levels) / levels), net)
    assert (told(rounding)[0] < 0.9).mean() >= 0.9


def test_gradients_of_another_net_foretell_nothing():
    lying = with_gradients_of(tiny.conv(7).symbolic_logits, tiny.conv(7, seed=1).symbolic_logits)
    assert (np.abs(told(lying)[0]) < 0.9).mean() >= 0.9
    assert abs(told(lying)[0].mean()) < 0.4


def test_zero_gradients_foretell_nothing_and_are_counted():
    rounding = tiny.FunctionClassifier(
        lambda pixels: tiny.conv(7).symbolic_logits(ops.round(pixels * 64) / 64), 7
    )
    found, cost = told(rounding)
    assert (found == 0).all() and (cost.zero_gradients == 1).all()


def test_an_answer_depends_on_its_image_only_and_costs_few_passes():
    found, cost = told(tiny.conv(7))
    for row in (0, 7):
        np.testing.assert_allclose(told(tiny.conv(7), rows=np.array([row]))[0], found[row], 1e-4)
    assert (cost.forward == len(TILES) + 2).all() and (cost.backward == 1).all()
    assert not cost.zero_gradients.any()
