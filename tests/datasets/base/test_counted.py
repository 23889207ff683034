"""A number with what it counts."""

import numpy as np
import pytest

from datasets.base.counted import counted


@pytest.mark.parametrize("number", [0, 1, 2, np.int64(1), np.int64(700)])
def test_one_is_singular_and_all_else_plural(number: int) -> None:
    assert counted(number, "face") == f"{number} {'face' if int(number) == 1 else 'faces'}"
