"""How many threads a process computes with: TensorFlow's, PyTorch's and ONNX Runtime's pools.

The frameworks read it when they start, so it is set before. Nothing is imported here.
"""

import os
import sys
from numbers import Integral
from typing import Final

from datasets.base.errors import InputError

VARIABLES: Final = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
"""What TensorFlow reads (within an operation, and for operations at once) and PyTorch reads."""


def limit_threads(count: int | None) -> None:
    """Let the frameworks that start later compute with this many threads; None changes nothing.

    Raises:
        InputError: no whole number from 1 on, or a framework has started with another one.
    """
    if count is None:
        return
    if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
        raise InputError(f"--threads must be a whole number, at least 1; got {count!r}.")
    if count == threads():
        return
    if name := has_started():
        raise InputError(
            f"--threads {count} comes too late: {name} has started. Start a new process, or "
            "leave --threads out."
        )
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))


def has_started() -> str:
    """Name of a framework that this process has imported; empty while it is not too late."""
    return next((name for name in ("tensorflow", "torch") if name in sys.modules), "")


def threads() -> int | None:
    """Threads that `limit_threads` set, here or in the process that started this one."""
    found = {os.environ.get(name, "") for name in VARIABLES}
    text = found.pop()
    return int(text) if not found and text.isdigit() else None
