"""Removing the final softmax of a Keras model."""

import keras
import numpy as np

from fer_models.softmax import strip_softmax
from tests.fer_models.conftest import tiny_model
from tests.fer_models.foreign.small_nets import softmax_model


def test_softmax_is_taken_off_where_it_stands_last(images: np.ndarray) -> None:
    model = tiny_model()
    dense = tiny_model()
    dense.layers[-1].activation = keras.activations.softmax
    activation = keras.layers.Activation("softmax")(model.output)
    operation = keras.ops.softmax(model.output)
    inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Identity(), dense])
    outer = keras.Model(model.input, inner(keras.layers.Identity()(model.input)))
    candidates = [softmax_model(), dense, inner, outer]
    candidates += [keras.Model(model.input, output) for output in (activation, operation)]
    for candidate in candidates:
        before = candidate(images)
        stripped, removed = strip_softmax(candidate)
        assert removed
        np.testing.assert_allclose(stripped(images), model(images), atol=1e-5)
        np.testing.assert_array_equal(candidate(images), before, "stays as it is")
    assert strip_softmax(model) == (model, False)
    image = keras.Input((7,))
    for other in (keras.Model(image, image), keras.Sequential([model])):
        assert strip_softmax(other) == (other, False)


def test_of_a_model_with_several_heads_inside_it_is_that_of_the_answer(images: np.ndarray) -> None:
    """As behind a `Rescaling`: two heads of one size, of which the second is asked for."""
    model = tiny_model()
    heads = [keras.layers.Dense(7, activation="softmax")(model.output) for _ in range(2)]
    outside = keras.Input((8, 8, 1))
    answers = keras.Model(model.input, heads)(keras.layers.Identity()(outside))
    for answer in answers:
        whole = keras.Model(outside, answer)
        stripped, removed = strip_softmax(whole)
        assert removed
        np.testing.assert_allclose(keras.ops.softmax(stripped(images)), whole(images), atol=1e-5)


def test_an_activation_that_is_not_a_layers_last_step_stays() -> None:
    rows = keras.Input((8, 8))
    model = keras.Model(rows, keras.layers.GRU(7, activation="softmax")(rows))
    assert strip_softmax(model) == (model, False)
