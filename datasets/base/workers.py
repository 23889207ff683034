"""Processes that work for this one, and never outlive it."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection


@contextmanager
def worker_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes that end with the block: at once if it fails, or if this process is killed.

    Ctrl-C reaches this process alone (on Windows the others too), so it is told once.
    """
    context = get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    with watched, ProcessPoolExecutor(count, context, _end_with, (watched,)) as pool, held:
        with _without_ctrl_c():
            for _ in range(count):
                pool.submit(int)  # each starts a process, as none is ready yet
        yield pool
        pool.shutdown()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes started meanwhile do not hear Ctrl-C; this one hears it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with(watched: Connection) -> None:
    """End this process once the other end of a pipe is closed."""

    def wait() -> None:
        watched.poll(None)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
