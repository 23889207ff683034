"""Commands told to stop: at once, in one line, and at the second signal whatever they do."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from datasets.base.signals import handlers_kept, raise_if_stopped, stoppable
from evaluation.listener import is_result, progress
from evaluation.stage_clock import StageClock

COMMAND = """
import sys, time
from datasets.base.commands import run

def main(resume: bool = False, stubborn: bool = False) -> None:
    try:
        print("started", flush=True)
        time.sleep(60)
    finally:
        if stubborn:
            print("tidies up", flush=True)
            time.sleep(60)

run(main, "python -m some.command")
"""


def heed_ctrl_c() -> None:
    """Undo what shells tell jobs in the background, and so these tests and all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    assert process.stdout is not None and process.stdout.readline() == "started\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_the_command_in_one_line(number: signal.Signals, code: int) -> None:
    process = started()
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == code
    assert error == "error: stopped; the same command with --resume continues where possible\n"


def test_a_second_signal_ends_a_command_that_tidies_up() -> None:
    process = started("--stubborn")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None and process.stdout.readline() == "tidies up\n"
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM and error == ""


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restores the handlers that a received signal leaves at the system's own."""
    stops = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in stops]
    for number in stops:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in zip(stops, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_signal_that_code_of_c_swallowed_still_stops_the_command() -> None:
    with stoppable() as received:
        raise_if_stopped()
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGTERM]
        with pytest.raises(KeyboardInterrupt):
            raise_if_stopped()
        with pytest.raises(KeyboardInterrupt):
            is_result(SystemError("<built-in function __import__> returned a result"))
        with progress(StageClock()) as listener, pytest.raises(KeyboardInterrupt):
            listener.chunk("set", 1, 2)
    raise_if_stopped()


@pytest.mark.usefixtures("handlers")
def test_a_library_that_would_leave_at_a_signal_does_not() -> None:
    def leave(number: int, _: object) -> None:
        sys.exit(number)

    with stoppable() as received, pytest.raises(KeyboardInterrupt), handlers_kept():
        signal.signal(signal.SIGTERM, leave)
        signal.raise_signal(signal.SIGTERM)
    assert received == [signal.SIGTERM]
