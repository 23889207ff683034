"""`python -m benchmarks.video CLIP`: frames per second of `live.video`.

    clean, fgsm     reading the clip into rows, with one classifier
    drawing         writing the clip with its faces drawn

Each is measured twice, after a warm-up, and the faster one counts. Beside frames per second stands
the processor time of a frame over all threads, which other programs on the machine change less, and
the machine's load. Prints the section `## Clips` of `docs/benchmarks.md`.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import typer

from datasets.base.commands import run

REPEATS = 2


class Pace(NamedTuple):
    """Frames per second, and processor time of a frame over all threads in milliseconds."""

    rate: float
    milliseconds: float


def main(
    clip: Annotated[Path, typer.Argument(help="Clip with one face, 640x360 for the goals.")],
    model: Annotated[str, typer.Option(help="Id of the classifier.")] = "vgg_small.fer",
) -> None:
    """Measure how fast a clip is read and drawn."""
    from fer_models import zoo
    from fer_models.backend import quiet_backend

    zoo.describe(model)  # refuses an unknown model, or several
    quiet_backend()
    with TemporaryDirectory() as folder:
        lines = _measure(clip, model, Path(folder))
    print(_section(lines, clip, model))


def _measure(clip: Path, model: str, folder: Path) -> list[tuple[str, Pace]]:
    from live.model_loader import ModelLoader
    from live.settings import Settings
    from live.video.annotated import write_annotated
    from live.video.clip import open_clip
    from live.video.find import FaceFinder
    from live.video.label import Labeller
    from live.video.read_clip import ClipReader

    models, lines = ModelLoader([model]), []
    for name, attack in (("clean", ""), ("FGSM, 4/255", "fgsm")):
        labeller = Labeller(models, Settings(model=model, attack=attack))
        reader = ClipReader(labeller, FaceFinder("blazeface", 40, labeller.sides))

        def read(reader: ClipReader = reader, name: str = name) -> int:
            place = folder / f"{name[:4]}-{time.monotonic_ns()}"
            place.mkdir()
            parts = reader.parts_in(place)
            with open_clip(clip) as opened:
                frames, _ = reader.read(opened, parts, lambda done, total: None)
            parts.join()
            return frames

        lines.append((name, _pace(read)))
    place = max(folder.iterdir(), key=lambda entry: entry.stat().st_mtime)

    def draw() -> int:
        done = [0]
        write_annotated(clip, place, lambda frames, total: done.append(frames))
        return done[-1]

    return [*lines, ("drawing `annotated.mp4`", _pace(draw))]


def _pace(work: Callable[[], int]) -> Pace:
    """The fastest of the repeats after one that warms up; `work` returns its number of frames."""
    work()
    paces = []
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        frames = work()
        spent = time.perf_counter() - wall
        paces.append(Pace(frames / spent, 1000 * (time.process_time() - processor) / frames))
    return max(paces)


def _section(lines: list[tuple[str, Pace]], clip: Path, model: str) -> str:
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    rows = [
        f"| {name} | {pace.rate:.1f} frames/s | {pace.milliseconds:.1f} ms |"
        for name, pace in lines
    ]
    return "\n".join(
        [
            "## Clips",
            "",
            f"`{model}` on the clip `{clip.name}`, {cores} cores, load {load:.1f}; measured by",
            f"`python -m benchmarks.video CLIP --model {model}`.",
            "",
            "| what | measured | processor time of a frame |",
            "|---|---|---|",
            *rows,
        ]
    )


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.video")
