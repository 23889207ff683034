"""The campaign of faults: what it counts, and a short form of it."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.faults import files, kills, limits
from benchmarks.faults.__main__ import _named_in, _trials, main
from benchmarks.faults.campaign import LOCAL, RAY, Campaign, Fault
from benchmarks.faults.processes import descendants, is_alive, kill
from benchmarks.faults.trial import Ending, Trial, table
from datasets.base.errors import InputError

KILLED, REFUSED = Ending(-9, "a line", False), Ending(2, "error: disk | full", False)


def test_the_table_counts_what_was_lost_and_how_commands_ended() -> None:
    trials = [
        Trial("killed", KILLED),
        Trial("disk", REFUSED, lost=["results.csv"]),
        Trial("killed", KILLED, changed=["results.csv", "gallery.npz"]),
        Trial("clock", None, note="not tried: no library"),
        Trial("disk", Ending(1, "RuntimeError: oh", True)),
    ]
    assert table(trials).splitlines()[2:] == [
        "| killed | 2 | 1 | 0 | 2 | -9 |",
        r"| disk | 2 | 1 | 1 | 0 | 1 x 2, `error: disk \| full`; "
        "1 x 1, `RuntimeError: oh`, a traceback |",
        "| clock | 0 | 0 | 0 | 0 | not tried: no library |",
    ]


def test_a_run_that_differs_in_one_byte_has_not_recovered(tmp_path: Path) -> None:
    out, part = tmp_path / "run", "per_image/000-net/00000-none.parquet"
    campaign = Campaign("sample", tmp_path, {"results.csv": b"1", part: b"2", "gallery.npz": b"3"})
    for name in campaign.files:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(campaign.files[name])
    (out / part).write_bytes(b"0")
    (out / "gallery.npz").unlink()
    trial = campaign.judged("killed", out, KILLED)
    assert (trial.recovered, trial.lost, trial.changed) == (False, ["gallery.npz"], [part])
    assert out.exists()  # to be looked at
    (out / part).write_bytes(b"2")
    (out / "gallery.npz").write_bytes(b"3")
    assert campaign.judged("killed", out, KILLED).recovered and not out.exists()


def test_processes_below_a_command_are_found_and_killed() -> None:
    sleeper = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    with subprocess.Popen([sys.executable, "-c", sleeper]) as process:
        while not (below := descendants(process.pid)):
            pass
        assert [found.parent for found in below] == [process.pid]
        assert is_alive(below[0].pid) and kill(below[0].pid)
        process.wait()
    assert not is_alive(below[0].pid) and not kill(below[0].pid)


def test_a_process_that_ends_while_it_is_looked_at_has_no_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> list[Path]:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "glob", gone)
    assert descendants(os.getpid()) == []


def test_a_fault_that_cannot_be_judged_counts_as_lost_and_the_next_is_tried(
    tmp_path: Path,
) -> None:
    def hangs(*_: object) -> Trial:
        raise TimeoutError("a command hangs")

    def works(*_: object) -> Trial:
        return Trial("killed", KILLED)

    campaign = Campaign("sample", tmp_path, {"results.csv": b"1"})
    killed, lost = _trials(campaign, [works, hangs, works], 0, 1)[1:]
    assert killed.is_good and not lost.is_good and lost.lost == ["results.csv"]
    assert "TimeoutError: a command hangs" in (tmp_path / "table.md").read_text()


def test_faults_can_be_named() -> None:
    assert _named_in("limits.memory, kills.raylet,limits.memory") == [limits.memory, kills.raylet]
    stopped = [fault for fault in _named_in("kills.stopped") if isinstance(fault, partial)]
    ways = {(fault.keywords["number"], fault.keywords["engine"]) for fault in stopped}
    assert ways == {(number, e) for number in (signal.SIGTERM, signal.SIGINT) for e in (LOCAL, RAY)}
    with pytest.raises(InputError, match=r"must name some of kills\.driver, .*; got 'raylet'"):
        _named_in("limits.memory,raylet")
    with pytest.raises(InputError, match="which names none; got --times 3"):
        main(data="sample", times=3)
    with pytest.raises(InputError, match="in place of all; got --kills 7, too"):
        main(data="sample", only="kills.raylet", kills=7)


@pytest.mark.slow
def test_the_short_form_recovers_from_every_fault(tmp_path: Path) -> None:
    campaign = Campaign("sample", tmp_path)
    assert campaign.measure(LOCAL) == ""
    faults: tuple[Fault, ...] = (
        kills.driver,
        partial(kills.stopped, number=signal.SIGTERM, engine=LOCAL),
        limits.disk_full,
        limits.read_only,
        limits.file_size,
        files.two_runs,
        files.chunk_cut,
        files.chunk_flipped,
        files.answer_flipped,
    )
    for place, fault in enumerate(faults):
        trial = fault(campaign, tmp_path / f"run-{place}", np.random.default_rng(place))
        assert trial.is_good or trial.ending is None, (fault, trial)
