"""How and when a run was started, and on what machine: versions, processor, memory."""

import os
import platform
import resource
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from datasets.base.threads import threads
from evaluation.stage_clock import StageClock

_PACKAGES = ("deadpan", "tensorflow", "keras", "numpy", "pandas", "scipy", "opencv-python")


@dataclass(frozen=True)
class Start:
    """How and when a run was started.

    Attributes:
        command: the command as the user typed it.
        time: local time with its time zone.
        clock: `time.monotonic()` at the start, seconds.
        stages: where the time since then was spent.
    """

    command: str
    time: datetime
    clock: float
    stages: StageClock = field(default_factory=StageClock)

    @classmethod
    def now(cls, command: str) -> "Start":
        """Return the start of a run that starts now."""
        return cls(command, datetime.now().astimezone(), time.monotonic())

    def seconds_ago(self) -> float:
        """Seconds since the start, to a tenth."""
        return round(time.monotonic() - self.clock, 1)


def environment() -> dict[str, Any]:
    """Versions, processor and number of cores, for the manifest.

    A package is left out where another is in its place, as `opencv-python-headless`.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads(),
        **{package: found for package in _PACKAGES if (found := installed_version(package))},
    }


def installed_version(package: str) -> str:
    """Version of a package; empty where none of this name is installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)


def processor() -> str:
    """Name of the processor, as the system reports it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
