"""Files of a run that change behind its back, and two runs that want the same folder."""

import shutil
import time
from pathlib import Path

import numpy as np

from benchmarks.faults.campaign import Campaign
from benchmarks.faults.trial import Trial


def chunk_cut(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """A chunk of a set loses its end."""
    path = _copy(campaign, out, rng, "sets/*/chunk-*.npz")
    with open(path, "r+b") as file:
        file.truncate(int(rng.integers(path.stat().st_size)))
    return _resumed(campaign, out, "chunk cut short", "damaged (")


def chunk_flipped(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """One bit of a chunk changes."""
    _flip(_copy(campaign, out, rng, "sets/*/chunk-*.npz"), rng)
    return _resumed(campaign, out, "one bit of a chunk flipped", "damaged (")


def answer_flipped(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """One bit of kept logits changes."""
    _flip(_copy(campaign, out, rng, "answers/*"), rng)
    return _resumed(campaign, out, "one bit of kept logits flipped", "")


def two_runs(campaign: Campaign, out: Path, rng: np.random.Generator) -> Trial:
    """The same command twice at once: one of them writes, the other is refused."""
    both = [campaign.start(out)]
    time.sleep(float(rng.uniform(0, 1)))
    both.append(campaign.start(out))
    endings = sorted((campaign.ending(each) for each in both), key=lambda ending: ending.code)
    note = "" if [ending.code for ending in endings] == [0, 2] else f"the other: {endings[0]}"
    return campaign.judged("two runs in one folder", out, endings[1], note)


def _copy(campaign: Campaign, out: Path, rng: np.random.Generator, pattern: str) -> Path:
    """A copy of the undisturbed run without its tables, and one of its files."""
    shutil.copytree(campaign.undisturbed, out)
    (out / "results.csv").unlink()
    shutil.rmtree(out / "per_image")
    files = sorted(out.glob(pattern))
    return files[rng.integers(len(files))]


def _flip(path: Path, rng: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    place = int(rng.integers(8 * len(content)))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


def _resumed(campaign: Campaign, out: Path, kind: str, told: str) -> Trial:
    started = campaign.start(out)
    ending = campaign.ending(started)
    note = "" if told in started.said() else "not noticed, no array changed"
    return campaign.judged(kind, out, ending, note)
