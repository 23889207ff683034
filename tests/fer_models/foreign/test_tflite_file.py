"""TFLite's integers."""

import numpy as np

from fer_models.foreign.tflite_file import quantised, restored


def test_integers_without_a_scale_are_what_they_are() -> None:
    entry = {"dtype": np.uint8, "quantization": (0.0, 0)}
    values = np.array([0.2, 127.6, 300.0], np.float32)
    np.testing.assert_array_equal(quantised(values, entry), [0, 128, 255])
    np.testing.assert_array_equal(restored(np.array([3, 9], np.uint8), entry), [3.0, 9.0])
