"""The run that all faults are done to: how it is started, resumed, and compared."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path
from shutil import rmtree

import numpy as np

from benchmarks.faults import forked
from benchmarks.faults.forked import Forked
from benchmarks.faults.processes import descendants, kill, peak_virtual, used
from benchmarks.faults.trial import Ending, Trial

TIER = """
limit = 200
severities = [3]
corruptions = ["gaussian_noise"]
eps.linf = ["4/255"]
attacks = [{ name = "noise" }, { name = "fgsm" }]
"""
"""Two chunks of each set."""
COMPARED = ("results.csv", "transfer.parquet", "checks.parquet", "gallery.npz", "per_image/**/*")
"""Files of a run that say what was measured, without times of day and durations."""
LOCAL, RAY = "local", "ray"
_PATIENCE = 900.0
"""Seconds after which a command counts as hanging."""


@dataclass
class Started:
    """A command under way: its process, and the files of what it prints."""

    process: subprocess.Popen[bytes] | Forked
    log: Path
    since: float = field(default_factory=time.monotonic)
    peak_memory: int = 0
    processor: float = 0.0

    def said(self) -> str:
        """Standard error so far."""
        return self.log.read_text(errors="replace")

    def work(self, seconds: float) -> None:
        """Wait until it has used this much of the processor, or has ended.

        Unlike the clock this is the same moment of a run whatever else the machine does.
        """
        while self.process.poll() is None and used(self.process.pid) < seconds:
            time.sleep(0.05)

    def end(self) -> int:
        """Wait for the exit code; a command that hangs is killed.

        Raises:
            TimeoutError: it hung.
        """
        while (code := self.process.poll()) is None:
            self.peak_memory = max(self.peak_memory, peak_virtual(self.process.pid))
            self.processor = max(self.processor, used(self.process.pid))
            if time.monotonic() - self.since > _PATIENCE:
                for found in descendants(self.process.pid):
                    kill(found.pid)
                self.process.kill()
                raise TimeoutError(f"a command hangs; it said:\n{self.said()}")
            time.sleep(0.2)
        return code


@dataclass
class Campaign:
    """A small run of a tiny net in two chunks, and what it gives undisturbed.

    Attributes:
        data: the faces, as `--data` names them.
        folder: where runs are kept while they are used.
        files: content of each of `COMPARED` in the undisturbed run, by path.
        seconds: processor seconds of the undisturbed run, by engine.
        size: bytes of its folder.
        peak_memory: bytes of address space that it used.
    """

    data: str
    folder: Path
    files: dict[str, bytes] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    size: int = 0
    peak_memory: int = 0
    server: ForkServerContext = field(default_factory=forked.server)

    def __post_init__(self) -> None:
        self.tier.write_text(TIER)

    @property
    def tier(self) -> Path:
        """File of its attacks."""
        return self.folder / "faults.toml"

    @property
    def undisturbed(self) -> Path:
        """Folder of the undisturbed run."""
        return self.folder / "undisturbed"

    def command(self, out: Path, engine: str = LOCAL) -> list[str]:
        """Begin the run in a folder, or continue it."""
        module = [sys.executable, "-m", "evaluation.run", "--data", self.data, "--resume"]
        what = ["--models", "tiny.fer", "--tier", str(self.tier)]
        return [*module, *what, "--threads", "1", "--engine", engine, "--out", str(out)]

    def start(
        self,
        out: Path,
        engine: str = LOCAL,
        command: Sequence[str] | None = None,
        environment: dict[str, str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> Started:
        """Start the run in a folder, in a process group of its own.

        It is forked where nothing else is asked for, see `benchmarks/faults/forked.py`.

        Args:
            out: its folder.
            engine: who attacks.
            command: another command instead.
            environment: variables to add.
            before: called in the new process before the command starts.
        """
        log = out.with_name(f"{out.name}-{time.monotonic_ns()}.log")
        log.touch()
        if engine == LOCAL and not (command or environment or before):
            return Started(forked.start(self.server, self.command(out)[2:], log), log)
        with open(log, "wb") as file:
            process = subprocess.Popen(
                command or self.command(out, engine),
                env={**os.environ, **(environment or {})},
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
                preexec_fn=before,
            )
        return Started(process, log)

    def ending(self, started: Started) -> Ending:
        """Wait for a command."""
        code, said = started.end(), started.said()
        lines = [line for line in said.splitlines() if line.strip()] or [""]
        line = re.sub(r"run-\d+(-disk/run)?", "OUT", lines[-1].replace(f"{self.folder}/", ""))
        return Ending(code, line, "Traceback" in said)

    def measure(self, engine: str) -> str:
        """Run undisturbed: its files with the first engine, its processor seconds with each.

        Returns:
            How it ended, where it failed; else empty.

        Raises:
            RuntimeError: engines give different files.
        """
        out = self.undisturbed if not self.files else self.folder / f"undisturbed-{engine}"
        started = self.start(out, engine)
        ending = self.ending(started)
        if ending.code:
            return str(ending)
        self.seconds[engine] = started.processor
        if not self.files:
            self.files = read_files(out)
            self.size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
            self.peak_memory = started.peak_memory
        lost, changed = self.compared(out)
        if lost or changed:
            raise RuntimeError(f"undisturbed, --engine {engine}: lost {lost}, changed {changed}")
        return ""

    def compared(self, out: Path) -> tuple[list[str], list[str]]:
        """Names of the files that a run lacks, and of those with other bytes."""
        files = read_files(out)
        lost = [name for name in self.files if name not in files]
        return lost, [name for name in files if files[name] != self.files.get(name)]

    def resumed(self, kind: str, out: Path, ending: Ending, note: str = "") -> Trial:
        """Continue a disturbed run to its end, compare, and delete it if nothing is amiss."""
        again = self.ending(self.start(out))
        if again.code:
            note = "; ".join(filter(None, (note, f"resumed: {again}")))
        return self.judged(kind, out, ending, note)

    def judged(self, kind: str, out: Path, ending: Ending, note: str = "") -> Trial:
        """Compare a finished run, and delete it if nothing is amiss."""
        trial = Trial(kind, ending, *self.compared(out), note=note)
        if trial.is_good:
            rmtree(out)
            for log in out.parent.glob(f"{out.name}-*.log"):
                log.unlink()
        return trial

    def moment(self, rng: np.random.Generator, engine: str = LOCAL) -> float:
        """A random moment of the run, in processor seconds."""
        return float(rng.uniform(0, self.seconds[engine]))


Fault = Callable[[Campaign, Path, np.random.Generator], Trial]
"""Disturbs a run in a folder, which does not exist yet, and resumes it."""


def read_files(out: Path) -> dict[str, bytes]:
    """Content of the files that are compared, by path."""
    found = [path for pattern in COMPARED for path in sorted(out.glob(pattern)) if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}


def finished_chunks(out: Path) -> int:
    """Chunks that a run has written."""
    return len([*out.glob("sets/*/chunk-*.npz")])
