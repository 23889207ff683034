"""Processes that are killed or told to stop: driver, workers, raylet, nodes."""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.faults.campaign import LOCAL, RAY, Campaign, Started
from benchmarks.faults.processes import descendants, is_alive, kill
from benchmarks.faults.trial import Trial

WORKER, _RAYLET = "ray::_Actor", "/raylet/raylet "
"""What the command lines of Ray's processes contain."""
_ORPHANS_GO = 60.0
"""Seconds that Ray's processes have to end after their driver."""


def driver(campaign: Campaign, out: Path, rng: np.random.Generator, engine: str = LOCAL) -> Trial:
    """SIGKILL at a random moment; with Ray, none of its processes may stay."""
    started = campaign.start(out, engine)
    started.work(campaign.moment(rng, engine))
    below = descendants(started.process.pid)
    started.process.kill()
    ending = campaign.ending(started)
    until = time.monotonic() + _ORPHANS_GO
    while (left := [each for each in below if is_alive(each.pid)]) and time.monotonic() < until:
        time.sleep(0.5)
    note = f"{len(left)} processes stayed" if left else ""
    return campaign.resumed(f"driver killed, `--engine {engine}`", out, ending, note)


def driver_with_workers(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """As `driver`, on Ray."""
    return driver(campaign, out, rng, RAY)


def worker(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """SIGKILL of a random worker at a random moment of its work; the run goes on by itself."""
    started = campaign.start(out, RAY)
    while not _of(started, WORKER) and started.process.poll() is None:
        time.sleep(0.1)
    started.work(campaign.moment(rng, RAY))
    workers = _of(started, WORKER)
    killed = bool(workers) and kill(workers[rng.integers(len(workers))])
    ending = campaign.ending(started)
    note = "" if killed else "no worker was left to kill"
    return campaign.judged("worker killed", out, ending, note)


def raylet(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """SIGKILL of Ray's own process on the driver's machine."""
    started = campaign.start(out, RAY)
    while not _of(started, WORKER) and started.process.poll() is None:
        time.sleep(0.1)
    started.work(campaign.moment(rng, RAY))
    killed = [pid for pid in _of(started, _RAYLET) if kill(pid)]
    ending = campaign.ending(started)
    note = "" if killed else "no raylet was left to kill"
    return campaign.resumed("raylet killed", out, ending, note)


def node(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """One of three nodes is removed while it works, and another joins."""
    module = [sys.executable, "-m", "benchmarks.faults.cluster"]
    started = campaign.start(out, command=module + campaign.command(out, RAY)[3:])
    ending = campaign.ending(started)
    note = "" if "another node joined" in started.said() else "no node joined"
    return campaign.judged("a node removed, another joined", out, ending, note)


def stopped(
    campaign: Campaign, out: Path, rng: np.random.Generator, number: int, engine: str
) -> Trial:
    """A signal at a random moment after the run's folder exists."""
    started = campaign.start(out, engine)
    while not (out / "run.json").exists() and started.process.poll() is None:
        time.sleep(0.02)
    started.work(campaign.moment(rng, engine))
    at = time.monotonic()
    if started.process.poll() is None:  # a terminal sends Ctrl-C to all of the group
        with suppress(ProcessLookupError):  # it has ended since
            os.killpg(started.process.pid, number)
    ending = campaign.ending(started)
    took = time.monotonic() - at
    note = f"{took:.0f} s after it" if took > 5 else ""
    name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    return campaign.resumed(f"{name}, `--engine {engine}`", out, ending, note)


def _of(started: Started, words: str) -> list[int]:
    """Processes of a command whose command line contains some words."""
    below = descendants(started.process.pid)
    return [found.pid for found in below if words in found.command]
