"""Worker processes end with the process that they work for, whatever ends it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datasets.base.workers import worker_processes
from tests.datasets.base.test_signals import heed_ctrl_c

COMMAND = """
import os, sys, time
from pathlib import Path
from datasets.base.commands import run
from datasets.base.workers import worker_processes

def work(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)

def main(folder: str) -> None:
    with worker_processes(2) as pool:
        list(pool.map(work, [folder, folder]))

if __name__ == "__main__":
    run(main, "python -m some.command")
"""


def test_tasks_are_done_by_other_processes() -> None:
    with worker_processes(2) as pool:
        assert [*pool.map(abs, [-1, 2, -3])] == [1, 2, 3]
        assert pool.submit(os.getpid).result() != os.getpid()


def hears_ctrl_c() -> tuple[int, bool]:
    time.sleep(1)  # so that the other task goes to the other process
    return os.getpid(), signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_no_worker_hears_ctrl_c() -> None:
    with worker_processes(2) as pool:
        found = [pool.submit(hears_ctrl_c) for _ in range(2)]
        assert sorted(hears for _, hears in {each.result() for each in found}) == [False, False]
    assert hears_ctrl_c()[1]


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "error: stopped\n"),
        (signal.SIGTERM, 143, "error: stopped\n"),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
def test_workers_end_with_the_command(
    number: signal.Signals, code: int, words: str, tmp_path: Path
) -> None:
    script, marks = tmp_path / "command.py", tmp_path / "marks"
    script.write_text(COMMAND)
    marks.mkdir()
    process = subprocess.Popen(
        [sys.executable, script, marks],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    await_true(lambda: len([*marks.iterdir()]) == 2)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, error = process.communicate(timeout=30)  # ends once no worker holds the pipe any more
    assert process.returncode == code
    if number != signal.SIGKILL:  # then Python's own tracker warns
        assert error == words


def await_true(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
