"""Commands told to stop: at once, in one line, and at the second signal whatever they do."""

import signal
import subprocess
import sys

import pytest

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
