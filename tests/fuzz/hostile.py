"""Damage to small valid files, and the rule that every reader keeps whatever it is given.

`DEADPAN_FUZZ=10000` sets the number of inputs per reader, 50 by default.
"""

import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from datasets.base.errors import InputError

QUICK = 50
INPUTS = int(os.environ.get("DEADPAN_FUZZ", QUICK))


def inputs(forms: int = 1) -> settings:
    """Settings of a test: this many inputs, however slow the machine is.

    Args:
        forms: how many forms of its input the test is repeated for; they share the inputs of a
            campaign, and have `QUICK` each in the tests.
    """
    count = min(INPUTS, max(QUICK, -(-INPUTS // forms)))
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))


fuzz = inputs()

MOST_SECONDS, MOST_BYTES = 10, 2**30
"""What one input may cost: seconds of this process, and memory beyond the peak before it."""

_TOKEN = re.compile(rb"[^\s,;:=\"{}\[\]]+")
_WORDS = (
    *(b"", b"0", b"-1", b"256", b"2147483648", b"1e999", b"NaN", b"-Infinity", b"9" * 5000),
    *(b"null", b"true", b"[]", b"{}", b'"', b'""', b",", b"\n", b"\r", b"\0", b"\xff\xfe"),
    *(b"../../outside", b"/", b"a" * 300, b"x" * 200_000, b"\xef\xbb\xbf", "\u00b2".encode()),
    *(b"[" * 5000, b'{"a":' * 5000, "1".encode("utf-16"), b"\x1b[31m", b"0x10", b"1_0", b" "),
)
_EDGE = 200


def _place(size: int, where: int) -> int:
    """A position: near the start, near the end, or anywhere, where formats keep their counts."""
    kind, at = where % 3, where // 3
    if kind == 0:
        return at % max(1, min(size, _EDGE))
    if kind == 1:
        return max(0, size - 1 - at % _EDGE)
    return at % max(1, size)


def _apply(data: bytes, kind: str, where: int, other: int) -> bytes:
    at = _place(len(data), where)
    end = min(len(data), at + 1 + other % 64)
    if kind == "flip":
        changed = bytes([data[at] ^ (1 + other % 255)]) if data else b"\0"
        return data[:at] + changed + data[at + 1 :]
    if kind == "cut":
        return data[:at]
    if kind == "drop":
        return data[:at] + data[end:]
    if kind == "repeat":
        return data[:end] + data[at:end] * (1 + other % 5) + data[end:]
    if kind == "extreme":
        return data[:at] + (b"\xff" if other % 2 else b"\0") * min(8, end - at) + data[end:]
    word = _WORDS[other % len(_WORDS)]
    token = _TOKEN.search(data, at) if kind == "word" else None
    return data[: token.start()] + word + data[token.end() :] if token else data[:at] + word


_STEPS = st.tuples(
    st.sampled_from(["flip", "cut", "drop", "repeat", "extreme", "word", "word", "tail"]),
    st.integers(0, 2**20),
    st.integers(0, 2**12),
)
damage = st.lists(_STEPS, min_size=1, max_size=3)
"""Steps that turn a valid file into a hostile one, for `damaged`."""


def damaged(data: bytes, steps: list[tuple[str, int, int]]) -> bytes:
    """Do the steps of `damage` to a file's bytes: flips, cuts, repeats, extreme counts, words."""
    for kind, where, other in steps:
        data = _apply(data, kind, where, other)
    return data


def survives(
    call: Callable[[], object],
    folder: Path | None = None,
    documented: type[Exception] = InputError,
) -> None:
    """Call a reader: it may raise its documented error alone, soon, and writes nothing.

    Args:
        call: reads the hostile input.
        folder: no file of it may appear, vanish or change.
        documented: the error of the reader.
    """
    before, peak, began = _files(folder), _peak(), time.process_time()
    with suppress(documented):
        call()
    assert time.process_time() - began < MOST_SECONDS
    assert _peak() - peak < MOST_BYTES
    assert _files(folder) == before


def _files(folder: Path | None) -> dict[str, tuple[int, int]]:
    found = sorted(folder.rglob("*")) if folder else []
    stats = {str(path): path.lstat() for path in found}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def _peak() -> int:
    """Most memory that this process has used, bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
