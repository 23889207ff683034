"""`python -m live.video CLIP...`: what the faces in clips show over time, clean and attacked.

Writes into `--out`, one folder per clip, named after it:

    index.html                  summary: most frequent predictions, flips, shares over time
    annotated.mp4               the clip with its faces drawn, with its sound
    faces.csv, faces.parquet    one row per face and frame (`live/video/rows.py`)
    shares.csv                  share of each class over time
    reading.json                clip, models, options, and what was wrong with the file
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from datasets.base.commands import run
from datasets.base.options import as_command
from live.video.request import ReadingRequest


@dataclass(frozen=True, kw_only=True)
class VideoRequest(ReadingRequest):
    """Options of a reading, and whether its clip is drawn."""

    annotated: Annotated[bool, Option(help="Write the clip with its faces drawn.")] = True


def main(request: VideoRequest) -> int:
    """Label the faces of clips frame by frame, clean and under attack."""
    from live.video.clips import find_clips

    clips = find_clips(request.clips)
    from fer_models import zoo

    for model in filter(None, (request.model, request.beside)):
        zoo.describe(model)  # refuses anything but one model
    from fer_models.backend import quiet_backend

    quiet_backend()
    from live.video.command import read_clips

    def report(clip: Path, folder: Path) -> None:
        _report(clip, folder, request.annotated)

    return 1 if read_clips(request, clips, report) else 0


def _report(clip: Path, folder: Path, annotated: bool) -> None:
    """Draw the clip, unless it is drawn already, and write its page."""
    from datasets.base.progress import bar
    from live.video.annotated import ANNOTATED, write_annotated
    from live.video.page import PAGE, write_page

    if annotated and not (folder / ANNOTATED).exists():
        with bar(f"{clip.name}, drawn") as progress:
            fault = write_annotated(clip, folder, progress)
        if fault:
            print(f"{clip}: {fault}", file=sys.stderr)
    print(f"{clip}: {write_page(folder)}; {folder / PAGE}")


if __name__ == "__main__":
    run(as_command(VideoRequest, main), prog="python -m live.video")
