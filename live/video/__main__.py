"""`python -m live.video CLIP...`: what the faces in clips show over time, clean and attacked.

Writes into `--out`, one folder per clip, named after it:

    faces.csv, faces.parquet    one row per face and frame (`live/video/rows.py`)
    reading.json                clip, models, options, and what was wrong with the file
"""

from pathlib import Path

from datasets.base.commands import run
from datasets.base.options import as_command
from live.video.request import ReadingRequest


def main(request: ReadingRequest) -> int:
    """Label the faces of clips frame by frame, clean and under attack."""
    from live.video.clips import find_clips

    clips = find_clips(request.clips)
    from fer_models import zoo

    for model in filter(None, (request.model, request.beside)):
        zoo.describe(model)  # refuses anything but one model
    from fer_models.backend import quiet_backend

    quiet_backend()
    from live.video.command import read_clips

    return 1 if read_clips(request, clips, _report) else 0


def _report(clip: Path, folder: Path) -> None:
    from live.video.parts import CSV

    print(f"{clip}: {folder / CSV}")


if __name__ == "__main__":
    run(as_command(ReadingRequest, main), prog="python -m live.video")
