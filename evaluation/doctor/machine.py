"""Checks of the machine: processor as TensorFlow sees it, memory, disk, folders to write to."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from datasets.base.cache import cache_folder
from datasets.base.writable import can_write
from evaluation.doctor.finding import Finding, State
from evaluation.environment import processor

MEMORY_GB = 2.0
"""Memory that a run needs; a smoke run peaks near 1.4 GB."""

DISK_GB = 1.0
"""Disk space that a run needs; a standard run uses less."""

_SCRIPT = """
import json, tensorflow as tf
tf.constant(1.0)
print(json.dumps([device.device_type for device in tf.config.list_physical_devices()]))
"""
_FEATURES = re.compile(r"following instructions: ([A-Z0-9_ ]+),")
_BFLOAT16 = ("AVX512_BF16", "AMX_BF16")
_SECONDS = 180


def check_tensorflow() -> list[Finding]:
    """Check devices and processor features in a process of its own, since TensorFlow may crash."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_MAX_VLOG_LEVEL": "0"}
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        what = f"did not start within {_SECONDS} s"
        return [Finding(State.WRONG, "tensorflow", what, "stop other programs and try again")]
    if answer.returncode:
        said = answer.stderr.strip().splitlines() or ["no message"]
        what = f"does not start, exit code {answer.returncode}: {said[-1]}"
        fix = "pip install --force-reinstall tensorflow; it needs a processor with AVX"
        return [Finding(State.WRONG, "tensorflow", what, fix)]
    devices = json.loads(answer.stdout.strip().splitlines()[-1])
    counts = ", ".join(f"{devices.count(kind)} {kind}" for kind in sorted(set(devices)))
    return [Finding(State.OK, "devices", counts), _processor(answer.stderr)]


def _processor(log: str) -> Finding:
    """Processor features that TensorFlow reports at start; none on some processors."""
    found = _FEATURES.search(log)
    features = found[1].split() if found else []
    what = f"{processor()}, {os.cpu_count()} cores; TensorFlow uses {' '.join(features) or '?'}"
    if any(feature in features for feature in _BFLOAT16):
        return Finding(State.OK, "processor", f"{what}; bfloat16 is fast")
    return Finding(State.NOTE, "processor", f"{what}; no fast bfloat16", "train in float32")


def check_memory(free_gb: float | None = None) -> Finding:
    """Check free memory, of the container if there is one."""
    free = free_memory_gb() if free_gb is None else free_gb
    if free is None:
        return Finding(State.NOTE, "memory", "unknown on this system")
    what = f"{free:.1f} GB free"
    if free >= MEMORY_GB:
        return Finding(State.OK, "memory", what)
    fix = "close other programs, or run fewer --models"
    return Finding(State.WRONG, "memory", f"{what}, a run needs up to {MEMORY_GB:.0f} GB", fix)


def free_memory_gb() -> float | None:
    """Memory that Linux calls available, or that a container's limit leaves; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        return None
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no such files, or "max": no limit
        return free / 1e9
    return min(free, limit - used) / 1e9


def check_disk(folder: Path) -> Finding:
    """Check the disk space where runs are written."""
    free = shutil.disk_usage(folder).free / 1e9
    if free >= DISK_GB:
        return Finding(State.OK, "disk", f"{free:.1f} GB free")
    what = f"{free:.1f} GB free, a standard run needs up to {DISK_GB:.0f} GB"
    return Finding(State.WRONG, "disk", what, "free some space, or name another folder with --out")


def check_folders(folder: Path) -> list[Finding]:
    """Check where runs and parsed faces can be kept."""
    runs, cache = can_write(folder), can_write(cache_folder())
    here = Finding(State.OK, "runs", f"written to {folder}")
    if not runs:
        what = f"{folder} is not writable; runs go to {tempfile.gettempdir()}"
        here = Finding(State.NOTE, "runs", what, "name a folder with --out")
    kept = Finding(State.OK, "cache", str(cache_folder()))
    if not cache:
        what = f"{cache_folder()} is not writable; faces are parsed at each start"
        kept = Finding(State.NOTE, "cache", what, "set DEADPAN_CACHE to a writable folder")
    return [here, kept]
