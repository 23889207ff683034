"""`python -m benchmarks.faults --data DIR --kills 100`: what a run loses when something fails.

A small run of a tiny net is disturbed again and again, resumed, and compared byte for byte with the
same run undisturbed: its figures, and the rows of its images. Prints the table of
`docs/benchmarks.md`, and exits with 1 if a file was lost or changed, or a traceback shown. What
went wrong stays in `--out`. `--only kills.raylet --times 10` does one kind ten times. Linux only.
"""

import shutil
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from benchmarks.faults import files, kills, limits
from benchmarks.faults.campaign import LOCAL, RAY, Campaign, Fault
from benchmarks.faults.trial import Ending, Trial, table
from datasets.base.commands import run
from datasets.base.errors import InputError

KILLS = 100
"""SIGKILLs of a campaign."""
OTHERS: tuple[tuple[Fault, int], ...] = (
    (partial(kills.stopped, number=signal.SIGTERM, engine=LOCAL), 3),
    (partial(kills.stopped, number=signal.SIGINT, engine=LOCAL), 3),
    (limits.disk_full, 4),
    (limits.read_only, 1),
    (limits.file_size, 3),
    (limits.memory, 5),
    (partial(limits.clock, moved="-400d"), 1),
    (partial(limits.clock, moved="@1970-01-02 00:00:00"), 1),
    (files.two_runs, 3),
    (files.chunk_cut, 3),
    (files.chunk_flipped, 5),
    (files.answer_flipped, 3),
)
"""Faults other than kills, and how often each is done."""
ON_RAY: tuple[tuple[Fault, int], ...] = (
    (kills.node, 2),
    (partial(kills.stopped, number=signal.SIGTERM, engine=RAY), 2),
    (partial(kills.stopped, number=signal.SIGINT, engine=RAY), 2),
)
"""The same, where Ray is installed."""
OF_TEN: tuple[Fault, ...] = (
    *(kills.driver,) * 6,
    kills.worker,
    kills.worker,
    kills.driver_with_workers,
    kills.raylet,
)
"""Who is killed in ten kills."""
NEEDS_RAY = {*(fault for fault, _ in ON_RAY), *OF_TEN} - {kills.driver}


def main(
    data: Annotated[str, typer.Option(help="Faces, as for `python -m evaluation.run`.")],
    kills: Annotated[
        int | None, typer.Option(min=0, help="SIGKILLs at random moments. Default: 100.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once.")] = 1,
    others: Annotated[bool, typer.Option(help="Also faults other than kills.")] = True,
    only: Annotated[
        str, typer.Option(help="Faults to do in place of all, such as kills.raylet,limits.memory.")
    ] = "",
    times: Annotated[int, typer.Option(min=1, help="How often each of --only is done.")] = 1,
    ray: Annotated[bool, typer.Option(help="Also runs on Ray, where it is installed.")] = True,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs, to look at them.")] = None,
) -> int:
    """Disturb a small run in many ways and count what it loses."""
    if times > 1 and not only:
        raise InputError(
            f"--times repeats the faults of --only, which names none; got --times {times}. Name "
            "them, such as --only kills.raylet."
        )
    if only and kills is not None:
        raise InputError(
            f"--only does its own faults in place of all; got --kills {kills}, too. Say how often "
            "each is done by --times, or leave --only out."
        )
    wanted = _named_in(only) * times if only else None
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as `&` leaves it ignored
    with _folder(out) as folder:
        campaign = Campaign(data, folder)
        for _ in range(2):  # at first TensorFlow is imported
            if ending := campaign.measure(LOCAL):
                raise InputError(f"the undisturbed run ended with {ending}. Correct that first.")
        no_ray = "--no-ray" if not ray else "" if find_spec("ray") else "Ray is not installed"
        if wanted is not None and not NEEDS_RAY & {*wanted}:
            no_ray = ""
        else:
            no_ray = no_ray or campaign.measure(RAY)
        for engine, seconds in campaign.seconds.items():
            print(
                f"undisturbed, --engine {engine}: {seconds:.1f} processor seconds", file=sys.stderr
            )
        of_ten = (OF_TEN[0],) if no_ray else OF_TEN
        every = [of_ten[place % len(of_ten)] for place in range(KILLS if kills is None else kills)]
        every += [fault for fault, often in (*OTHERS, *ON_RAY) for _ in range(often) if others]
        faults = every if wanted is None else wanted
        faults = [fault for fault in faults if not (no_ray and fault in NEEDS_RAY)]
        trials = _trials(campaign, faults, seed, jobs)
        if no_ray:
            trials.append(Trial("faults of `--engine ray`", None, note=f"not tried: {no_ray}"))
    print(table(trials))
    return int(any(trial.ending and not trial.is_good for trial in trials))


def _named_in(only: str) -> list[Fault]:
    """Faults by the names of their functions.

    Raises:
        InputError: no fault has a name.
    """
    by_name: dict[str, list[Fault]] = {}
    for fault in dict.fromkeys([*OF_TEN, *(fault for fault, _ in (*OTHERS, *ON_RAY))]):
        function = fault.func if isinstance(fault, partial) else fault
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        by_name.setdefault(name, []).append(fault)
    names = [name.strip() for name in only.split(",")]
    if unknown := [name for name in names if name not in by_name]:
        raise InputError(f"--only must name some of {', '.join(by_name)}; got {unknown[0]!r}.")
    return [fault for name in dict.fromkeys(names) for fault in by_name[name]]


def _trials(campaign: Campaign, faults: list[Fault], seed: int, jobs: int) -> list[Trial]:
    """Do the faults, a few at once, and report each; the table so far is in `table.md`."""
    order = {fault: place for place, fault in enumerate(dict.fromkeys(faults))}
    found: dict[int, Trial] = {}

    def in_order() -> list[Trial]:
        places = sorted(dict(found), key=lambda place: (order[faults[place]], place))
        return [found[place] for place in places]

    def one(place: int) -> None:
        start, rng = time.monotonic(), np.random.default_rng([seed, place])
        try:
            trial = faults[place](campaign, campaign.folder / f"run-{place:03d}", rng)
        except Exception as error:  # the others are still tried, and this one counts as lost
            words = " ".join(str(error).split())
            ending = Ending(1, f"{type(error).__name__}: {words}", traceback=True)
            trial = Trial("fault that could not be judged", ending, [*campaign.files])
        found[place] = trial
        words = "recovered" if trial.recovered else f"lost {trial.lost}, changed {trial.changed}"
        line = f"{len(found)}/{len(faults)} {trial.kind}: {words}; {trial.ending} {trial.note}"
        print(f"{line} ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)
        (campaign.folder / "table.md").write_text(table(in_order()) + "\n")

    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(one, range(len(faults))):
            pass
    return in_order()


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """The folder of the runs: one that the user named, emptied of earlier runs, or another."""
    if out is None:
        with TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    for earlier in [*out.glob("run-*"), *out.glob("undisturbed*")]:
        shutil.rmtree(earlier) if earlier.is_dir() else earlier.unlink()
    out.mkdir(parents=True, exist_ok=True)
    yield out.resolve()


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.faults")
