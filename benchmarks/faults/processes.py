"""Processes that a command has started, found in `/proc`: Linux only."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """A process: its id, that of its parent, and its command line with spaces."""

    pid: int
    parent: int
    command: str


def descendants(pid: int) -> list[Found]:
    """The processes below one, nearest first."""
    below, parents = list[Found](), [pid]
    while parents:
        children = [child for parent in parents for child in _children(parent)]
        below += children
        parents = [child.pid for child in children]
    return below


def used(pid: int) -> float:
    """Processor seconds of a process and those below it that are alive."""
    total = 0
    for each in (pid, *(found.pid for found in descendants(pid))):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended since
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def peak_virtual(pid: int) -> int:
    """The most address space that a process has had, bytes; 0 once it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in text.splitlines() if line.startswith("VmPeak:")]
    return 1024 * int(lines[0].split()[1]) if lines else 0


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not only waiting to be read off by its parent."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def kill(pid: int) -> bool:
    """Send SIGKILL; whether there was such a process."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return False
    return True


def _children(pid: int) -> list[Found]:
    found = []
    for child in _child_ids(pid):
        with suppress(OSError):  # it has ended since
            command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
            found.append(Found(child, pid, command.decode(errors="replace")))
    return found


def _child_ids(pid: int) -> list[int]:
    children = list[int]()
    with suppress(OSError):  # it, or one of its threads, has ended since
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            children += map(int, path.read_text().split())
    return children
