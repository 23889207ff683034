"""What ends a command, and what is a result of a model or an attack."""

import errno
import os

import numpy as np
import pytest

from datasets.base.machine_errors import is_of_machine


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), True),
        (MemoryError("std::bad_alloc"), True),
        (FileNotFoundError(errno.ENOENT, "no such file"), False),
        (RuntimeError("No space left on device"), False),
    ],
)
def test_disks_and_memory_are_of_the_machine(error: Exception, expected: bool) -> None:
    assert is_of_machine(error) == expected


def test_an_array_that_is_too_large_is_a_result() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty(2**60, np.uint8)
    assert not is_of_machine(caught.value)
