"""Runs in processes forked from one that has imported TensorFlow, so that a fault costs seconds.

The process that is forked has computed nothing yet, so TensorFlow starts its threads in each run
anew. Kills then hit the run's own work instead of imports.
"""

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from datasets.base.threads import VARIABLES


class Forked:
    """A command under way in a forked process, with the methods of `subprocess.Popen` used here."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self._process, self.pid = process, process.pid

    def poll(self) -> int | None:
        """Exit code, or None."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Wait for the exit code."""
        self._process.join()
        return self._process.exitcode

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()


def server() -> ForkServerContext:
    """The process that is forked, with one thread per run."""
    os.environ.update(dict.fromkeys(VARIABLES, "1"))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.faults.preloaded"])
    return context


def start(context: ForkServerContext, command: Sequence[str], log: Path) -> Forked:
    """Run `python -m MODULE OPTIONS` in a process group of its own.

    Args:
        context: see `server`.
        command: the module and its options.
        log: receives standard error.
    """
    process = context.Process(target=_run, args=(list(command), str(log)))
    process.start()
    return Forked(process)


def _run(command: list[str], log: str) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell has ignored it
    for number, path in ((1, os.devnull), (2, log)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
