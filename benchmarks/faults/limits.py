"""A machine that lacks something: room on its disk, rights, memory, the right time."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.faults.campaign import Campaign, finished_chunks
from benchmarks.faults.trial import Trial

_IN_NAMESPACE = """
set -u
disk=$1 size=$2 before=$3 after=$4 kept=$5; shift 5
mount -t tmpfs -o size="$size" tmpfs "$disk" || exit 99
[ -z "$before" ] || cp -r "$before" "$disk/run"
mount -o remount,"$after" "$disk" || exit 99
"$@"
code=$?
cp -r "$disk/run" "$kept" 2>/dev/null
exit $code
"""
"""Run a command beside a small disk of its own, which no other process sees, and keep its run."""
_FAKETIME = "*/faketime/libfaketime.so.1"


def disk_full(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """The folder is on a disk that holds only a part of the run."""
    size = int(campaign.size * rng.uniform(0.05, 0.95))
    return _on_own_disk(campaign, out, "disk full (a tmpfs)", f"{size}", "rw")


def read_only(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """A run that was killed halfway is resumed where nothing can be written."""
    _half(campaign, out)
    begun = out.rename(out.with_name(f"{out.name}-half"))
    trial = _on_own_disk(campaign, out, "read-only folder", "1g", "ro", begun)
    shutil.rmtree(begun)
    return trial


def file_size(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """`ulimit -f`: no file may be larger, as under a quota."""
    largest = max(path.stat().st_size for path in campaign.undisturbed.rglob("*"))
    most = int(largest * rng.uniform(0.1, 0.9))
    ending = campaign.ending(campaign.start(out, before=_limited(resource.RLIMIT_FSIZE, most)))
    return campaign.resumed("no file above a size (`ulimit -f`)", out, ending)


def memory(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """`ulimit -v`: less address space than the run needs."""
    most = int(campaign.peak_memory * rng.uniform(0.3, 0.98))
    ending = campaign.ending(campaign.start(out, before=_limited(resource.RLIMIT_AS, most)))
    return campaign.resumed("too little memory (`ulimit -v`)", out, ending)


def clock(campaign: Campaign, out: Path, rng: np.random.Generator, moved: str) -> Trial:
    """A run that was killed halfway is resumed at an earlier time of day."""
    words = {"-400d": "by 400 days"}.get(moved, "to 1970")
    kind = f"clock set back {words} (libfaketime)"
    library = next(Path("/usr/lib").glob(_FAKETIME), None)
    if library is None:
        return Trial(kind, None, note="not tried: libfaketime is not installed")
    _half(campaign, out)
    fake = {"LD_PRELOAD": str(library), "FAKETIME": moved, "DONT_FAKE_MONOTONIC": "1"}
    ending = campaign.ending(campaign.start(out, environment=fake))
    return campaign.judged(kind, out, ending)


def _half(campaign: Campaign, out: Path) -> None:
    """Kill a run when half of its chunks are there."""
    started = campaign.start(out)
    half = finished_chunks(campaign.undisturbed) / 2
    while finished_chunks(out) < half and started.process.poll() is None:
        time.sleep(0.05)
    started.process.kill()
    started.process.wait()


def _limited(kind: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (most, most))


def _on_own_disk(
    campaign: Campaign, out: Path, kind: str, size: str, mode: str, before: Path | None = None
) -> Trial:
    """Run on a tmpfs in a mount namespace, then resume in a folder with room."""
    disk = out.with_name(f"{out.name}-disk")
    disk.mkdir()
    inside = ["unshare", "-rm" if os.getuid() else "-m", "sh", "-c", _IN_NAMESPACE, "sh"]
    if subprocess.run([*inside[:2], "true"], capture_output=True).returncode:
        return Trial(kind, None, note="not tried: this system allows no mount namespaces")
    given = [str(disk), size, str(before or ""), mode, str(out)]
    command = inside + given + campaign.command(disk / "run")
    ending = campaign.ending(campaign.start(out, command=command))
    disk.rmdir()
    return campaign.resumed(kind, out, ending)
