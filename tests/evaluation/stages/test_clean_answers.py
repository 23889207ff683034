"""Clean faces: models whose logits float32 cannot tell apart are refused before any attack."""

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7
from evaluation.listener import Listener
from evaluation.stages.clean_answers import answer_clean
from evaluation.stages.failures import Failures
from evaluation.stages.residence import Residence
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap
from tests.evaluation import tiny


def shifted(constant: float) -> KerasClassifier:
    """The tiny model with a constant added to all its logits."""
    model = tiny.classifier().model
    outputs = keras.layers.Lambda(lambda logits: logits + constant)(model.outputs[0])
    return wrap(keras.Model(model.inputs[0], outputs), Contract(8, 8, 1, FER7), model_id="shifted")


def failures() -> Failures:
    return Failures(Listener(line=lambda _: None, chunk=lambda *_: None))


def test_an_offset_that_float32_can_hold_changes_no_prediction() -> None:
    answers = answer_clean(
        tiny.faces(), [tiny.classifier(), shifted(-100.0)], failures(), Residence(1)
    )
    plain, moved = answers.logits.values()
    np.testing.assert_array_equal(moved.argmax(axis=1), plain.argmax(axis=1))


def test_logits_that_float32_blurs_end_the_run() -> None:
    with pytest.raises(InputError, match=r"shifted: its logits are near -1e\+07"):
        answer_clean(tiny.faces(), [tiny.classifier(), shifted(-1e7)], failures(), Residence(1))
