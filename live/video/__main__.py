"""`python -m live.video CLIP...`: what the faces in clips show over time, clean and attacked.

Writes into `--out`, one folder per clip, named after it:

    index.html                  summary: most frequent predictions, flips, shares over time
    annotated.mp4               the clip with its faces drawn, with its sound
    faces.csv, faces.parquet    one row per face and frame (`live/video/rows.py`)
    shares.csv                  share of each class over time
    people.csv                  with --people: who was seen
    events.csv                  brief expressions (`live/video/brief/`)
    reading.json                clip, models, options, and what was wrong with the file
    fingerprints.json           what models that are not shipped answered at the beginning
    words.csv, speech.json      with --speech: spoken words, their emotions, the face meanwhile
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from datasets.base.commands import run
from datasets.base.options import as_command
from live.video.request import ReadingRequest

if TYPE_CHECKING:
    from live.video.speech.options import Ears


@dataclass(frozen=True, kw_only=True)
class VideoRequest(ReadingRequest):
    """Options of a reading, whether its clip is drawn, and whether its speech is recognised."""

    annotated: Annotated[bool, Option(help="Write the clip with its faces drawn.")] = True
    speech: Annotated[
        bool, Option("--speech", help="Recognise words, and compare them with the faces.")
    ] = False
    speech_model: Annotated[
        Path | None,
        Option(metavar="DIR", help="Whisper model for --speech. Default: the local cache's base."),
    ] = None
    lexicon: Annotated[
        Path | None,
        Option(
            metavar="FILE.csv", help="Emotions of words: word,emotion[,weight]. Default: VADER."
        ),
    ] = None
    language: Annotated[
        str, Option(metavar="CODE", help="Language that is spoken, such as en. Default: detected.")
    ] = ""


def main(request: VideoRequest) -> int:
    """Label the faces of clips frame by frame, clean and under attack."""
    from live.video.clips import find_clips

    clips = find_clips(request.clips)
    from fer_models import zoo

    for model in filter(None, (request.model, request.beside)):
        zoo.describe(model)  # refuses anything but one model
    from live.video.speech.options import load_ears

    ears = load_ears(request.speech, request.speech_model, request.lexicon, request.language)
    from fer_models.backend import quiet_backend

    quiet_backend()
    from live.video.command import read_clips

    def report(clip: Path, folder: Path) -> None:
        _report(clip, folder, request.annotated, ears)

    return 1 if read_clips(request, clips, report) else 0


def _report(clip: Path, folder: Path, annotated: bool, ears: "Ears | None") -> None:
    """Draw the clip, unless it is drawn already, recognise its words, and write its page."""
    from datasets.base.progress import bar
    from live.video.annotated import ANNOTATED, write_annotated
    from live.video.page import PAGE, write_page

    if annotated and not (folder / ANNOTATED).exists():
        with bar(f"{clip.name}, drawn") as progress:
            fault = write_annotated(clip, folder, progress)
        if fault:
            print(f"{clip}: {fault}", file=sys.stderr)
    if ears is not None:
        from live.video.speech.spoken import write_speech

        with bar(f"{clip.name}, speech") as progress:
            write_speech(clip, folder, ears.listener, ears.lexicon, progress)
    print(f"{clip}: {write_page(folder)}; {folder / PAGE}")


if __name__ == "__main__":
    run(as_command(VideoRequest, main), prog="python -m live.video")
