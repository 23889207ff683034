"""Archives of arrays: no changed bit goes unnoticed."""

import io

import numpy as np
import pytest

from datasets.base.errors import DAMAGED_ARRAYS
from datasets.base.npz import read_npz

ARRAYS = {"rows": np.arange(1700), "images": np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_changed_bit_is_an_error_or_changes_nothing(tmp_path, save):
    """All bits of the array's header, where numpy alone reads fewer numbers than were written."""
    data, rows = io.BytesIO(), ARRAYS["rows"]
    save(data, rows=rows)
    path, refused, size = tmp_path / "arrays.npz", 0, len(data.getvalue())
    places = [*range(8 * 200), *range(8 * 200, 8 * size, 8 * size // 400)]
    for place in places:
        content = bytearray(data.getvalue())
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            found = read_npz(path).get("rows", rows)  # a changed name is a missing array
        except DAMAGED_ARRAYS:
            refused += 1
            continue
        assert (found.dtype, found.shape) == (rows.dtype, rows.shape), place
        assert found.tobytes() == rows.tobytes(), place
    assert refused > len(places) * 0.6


def test_some_names_only(tmp_path):
    np.savez(tmp_path / "arrays.npz", **ARRAYS)
    assert list(read_npz(tmp_path / "arrays.npz", ["images", "missing"])) == ["images"]
