"""Archives of arrays: no changed bit goes unnoticed."""

import io

import numpy as np
import pytest

from datasets.base.errors import DAMAGED_ARRAYS
from datasets.base.npz import read_npz

ARRAYS = {"rows": np.arange(17), "images": np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_changed_bit_is_an_error_or_changes_nothing(tmp_path, save):
    data = io.BytesIO()
    save(data, **ARRAYS)
    path, refused = tmp_path / "arrays.npz", 0
    for place in range(0, 8 * len(data.getvalue()), 7):
        content = bytearray(data.getvalue())
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            found = read_npz(path)
        except DAMAGED_ARRAYS:
            refused += 1
            continue
        for name, array in found.items():  # a changed name is a missing array
            if name in ARRAYS:
                assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
                assert array.tobytes() == ARRAYS[name].tobytes(), place
    assert refused > len(data.getvalue()) * 8 / 7 * 0.4


def test_some_names_only(tmp_path):
    np.savez(tmp_path / "arrays.npz", **ARRAYS)
    assert list(read_npz(tmp_path / "arrays.npz", ["images", "missing"])) == ["images"]
