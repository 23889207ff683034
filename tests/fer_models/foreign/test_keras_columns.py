"""Columns of a Keras output are the numbers that the net answers."""

import keras
import numpy as np
import pytest

from fer_models.foreign.keras_columns import with_columns


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_columns_hold_all_digits_under_any_policy_that_code_has_set(policy: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        logits = keras.Input((3,))
        same = keras.layers.Activation("linear", dtype="float32")(logits)
        net = with_columns(keras.Model(logits, same), [2, 0, 1])
    finally:
        keras.config.set_dtype_policy(before)
    found = np.asarray(net(np.array([[10.001, 10.002, 10.003]], np.float32)))
    np.testing.assert_array_equal(found, np.array([[10.003, 10.001, 10.002]], np.float32))
