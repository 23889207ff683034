"""TFLite's integers."""

import numpy as np

from fer_models.foreign.tflite_file import limits_of, quantised, restored, step_of


def test_integers_without_a_scale_are_what_they_are() -> None:
    entry = {"dtype": np.uint8, "quantization": (0.0, 0)}
    values = np.array([0.2, 127.6, 300.0], np.float32)
    np.testing.assert_array_equal(quantised(values, entry), [0, 128, 255])
    np.testing.assert_array_equal(restored(np.array([3, 9], np.uint8), entry), [3.0, 9.0])


def test_limits_are_those_of_the_integers_restored() -> None:
    entry = {"dtype": np.int8, "quantization": (1 / 128, -128)}
    assert limits_of(entry) == (0, 255 / 128)
    assert limits_of(entry | {"quantization": (0.0, 0)}) == (-128, 127)
    assert limits_of({"dtype": np.float32}) is None
    assert step_of(entry) == 1 / 128
    assert step_of(entry | {"quantization": (0.0, 0)}) == 1
    assert step_of({"dtype": np.float32}) == 0
