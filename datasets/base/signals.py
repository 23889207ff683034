"""Ctrl-C and SIGTERM: the first one stops a command in an orderly way, a second one at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM)
_COMMANDS: list[list[int]] = []
"""The signals that each running command has received."""


@contextmanager
def stoppable() -> Iterator[list[int]]:
    """Raise `KeyboardInterrupt` on the first signal; the second one ends the process.

    A signal that this process was started to ignore, as by `nohup`, stays ignored.

    Yields:
        The signals that were received, filled as they come.
    """
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = {each: signal.getsignal(each) for each in _STOPS if _is_ours(each)}
    for each in before:
        signal.signal(each, stop)
    _COMMANDS.append(received)
    try:
        yield received
    finally:
        _COMMANDS.pop()
        for each, handler in before.items() if not received else ():
            signal.signal(each, handler)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Undo what a library does to the handlers of signals while the block runs.

    A SIGTERM that the library answers meanwhile by leaving Python is sent anew afterwards.
    """
    before = {each: signal.getsignal(each) for each in _STOPS if _is_ours(each)}
    left = False
    try:
        yield
    except SystemExit:
        left = True
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if left:
        signal.raise_signal(signal.SIGTERM)


def end_at_sigterm() -> None:
    """Let SIGTERM end this process at once, whatever a library does in its place.

    A handler that raises `SystemExit` would look like a model whose code calls `sys.exit`.
    """
    if _is_ours(signal.SIGTERM):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def is_stopped() -> bool:
    """Whether a running command has received a signal, and is on its way to its end."""
    return any(_COMMANDS)


def raise_if_stopped() -> None:
    """Raise `KeyboardInterrupt` once a signal was received.

    The signal raises it, too, but a library's C code that runs at that moment may swallow it, or
    raise an error in its place that looks like one of the model.
    """
    if is_stopped():
        raise KeyboardInterrupt


def _is_ours(number: int) -> bool:
    """Whether this thread may set a handler, and the signal is not ignored."""
    in_main = threading.current_thread() is threading.main_thread()
    return in_main and signal.getsignal(number) not in (signal.SIG_IGN, None)
