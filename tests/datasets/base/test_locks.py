"""A folder is written by one command at a time; one that was killed holds nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.base.errors import InputError
from datasets.base.locks import LOCK, locked

HOLDING = """
import sys, time
from pathlib import Path
from datasets.base.atomic import atomic
from datasets.base.locks import locked
folder = Path(sys.argv[1])
with locked(folder), atomic(folder / "sets" / "chunk.npz") as unfinished:
    unfinished.write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with (
        locked(folder),
        pytest.raises(InputError, match=r"run: another command is writing there"),
        locked(folder),
    ):
        pass
    with pytest.raises(KeyError), locked(folder):
        raise KeyError
    with locked(folder):
        pass


def test_a_killed_command_holds_nothing_and_leaves_no_half_file(tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    kept = [tmp_path / name for name in (f".deadpan-{os.getppid()}-results.csv", ".1999-notes")]
    for path in kept:  # of a living process, and of the user
        path.touch()
    line = [sys.executable, "-c", HOLDING, str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError), locked(tmp_path):
            pass
        os.kill(other.pid, signal.SIGKILL)
    assert [*tmp_path.glob("sets/.*")]
    with locked(tmp_path):
        assert not [*tmp_path.glob("sets/.*")]
        assert all(path.exists() for path in kept)


def test_what_a_command_elsewhere_writes_below_is_kept(tmp_path: Path) -> None:
    """A process of another machine or container has an id that means nothing here."""
    run, nobody = tmp_path / "run", 2**22 + 1
    theirs, ours = run / f".deadpan-{nobody}-results.csv", tmp_path / f".deadpan-{nobody}-a.csv"
    run.mkdir()
    for path in (run / LOCK, theirs, ours):
        path.touch()
    with locked(tmp_path):
        assert theirs.exists()
        assert not ours.exists()


def test_a_folder_that_stays_empty_is_removed(tmp_path: Path) -> None:
    made, given = tmp_path / "made", tmp_path / "given"
    given.mkdir()
    for folder in (made, given):
        with locked(folder):
            pass
    assert not made.exists()
    assert given.exists()
    with locked(made):
        (made / "run.json").write_text("{}")
    assert (made / "run.json").exists()
