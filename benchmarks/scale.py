"""`python -m benchmarks.scale RUN`: how long a run of many faces would take on many workers.

A simulation from the measured times of a run's own chunks: every set gets as many chunks as the
faces need, each with the time and size of one of its measured chunks, drawn at random. Workers take
the next chunk when they are free; the driver hands results to the disk one after another, and a
worker waits until its own has been taken. Prints the table of `docs/scale.md`.
"""

import heapq
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import numpy as np
import typer

from attacks.base import BATCH_ROWS
from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.percentages import in_percent


class Measured(NamedTuple):
    """Seconds and bytes of the chunks of each set of a run."""

    seconds: list[np.ndarray]
    sizes: list[np.ndarray]


class Outcome(NamedTuple):
    """Of a simulated run.

    Attributes:
        makespan: seconds from the first chunk's start to the last one's arrival.
        efficiency: share of the workers' time that was spent computing.
        bandwidth: bytes per second that arrive at the driver, on average.
    """

    makespan: float
    efficiency: float
    bandwidth: float


def main(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run with its sets.")],
    images: Annotated[int, typer.Option(min=BATCH_ROWS, help="Faces to simulate.")] = 10**7,
    workers: Annotated[str, typer.Option(help="Numbers of workers.")] = "1,10,100,1000",
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Simulate the attacks of a run on more faces and workers than it had."""
    measured = read_chunks(folder)
    handling = seconds_to_keep(int(np.mean(np.concatenate(measured.sizes))))
    chunks, rng = -(-images // BATCH_ROWS), np.random.default_rng(seed)
    drawn = [rng.integers(0, len(of_set), chunks) for of_set in measured.seconds]
    pairs = zip(measured.seconds, drawn, strict=True)
    times = np.concatenate([of_set[places] for of_set, places in pairs])
    size = sum(of_set[places].sum() for of_set, places in zip(measured.sizes, drawn, strict=True))
    faces, late = images * 48 * 48 / 1e9, np.quantile(times, 0.99)
    print(f"{len(measured.seconds)} sets, {len(times):,} chunks of {BATCH_ROWS} faces. One takes")
    print(f"{times.mean():.1f} s on average and {late:.1f} s at the 99th percentile; the driver")
    print(f"keeps one in {1000 * handling:.0f} ms. Faces: {faces:.1f} GB on the driver and on each")
    print(f"node; sets: {size / 1e12:.2f} TB on the driver's disk.\n")
    print("| workers | time | efficiency | to the driver |\n|---|---|---|---|")
    for count in map(int, workers.split(",")):
        found = simulate(times, count, handling, float(size))
        print(
            f"| {count:,} | {_duration(found.makespan)} | {in_percent(found.efficiency, 1)} % | "
            f"{found.bandwidth / 1e6:.1f} MB/s |"
        )


def read_chunks(folder: Path) -> Measured:
    """Seconds and sizes of the chunks of a run.

    Raises:
        InputError: the folder holds none.
    """
    seconds, sizes = [], []
    for directory in sorted((folder / "sets").glob("*/")):
        files = sorted(directory.glob("chunk-*.npz"))
        of_set = []
        for file in files:
            with np.load(file) as arrays:
                of_set.append(float(arrays["seconds"].sum()))
        if files:
            seconds.append(np.array(of_set))
            sizes.append(np.array([file.stat().st_size for file in files]))
    if not seconds:
        raise InputError(f"{folder}: expected the sets of a run, found none. Name a run's folder.")
    return Measured(seconds, sizes)


def seconds_to_keep(size: int) -> float:
    """Seconds in which this machine writes a chunk of a size in bytes; the median of 20."""
    images, taken = np.zeros(size, np.uint8), []
    with TemporaryDirectory() as folder:
        for number in range(20):
            start = time.perf_counter()
            np.savez(Path(folder) / f"{number}.npz", images=images)
            taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def simulate(times: np.ndarray, workers: int, handling: float, size: float) -> Outcome:
    """Hand out chunks in order to whichever worker is free.

    Args:
        times: seconds of each chunk, in order.
        workers: how many compute at once.
        handling: seconds in which the driver keeps a chunk and sends the next.
        size: bytes of all chunks.
    """
    queue = [float(seconds) for seconds in times[:workers]]
    heapq.heapify(queue)
    driver = 0.0
    for seconds in times[workers:]:
        driver = max(driver, queue[0]) + handling
        heapq.heapreplace(queue, driver + float(seconds))
    for end in sorted(queue):
        driver = max(driver, end) + handling
    return Outcome(driver, float(times.sum()) / (workers * driver), size / driver)


def _duration(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours / 24:,.1f} days" if hours >= 48 else f"{hours:.1f} h"


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.scale")
