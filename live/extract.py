"""`python -m live.extract CLIP --emotion happy --for 5`: the faces that showed one expression.

Reads clips as `python -m live.video` does, and writes into the folder of each:

    <emotion>/track<n>-frame<n>.png    the faces that showed it for N frames in a row
    <emotion>.mp4                      the same, one run after the other
    faces.csv, faces.parquet, reading.json, fingerprints.json (`live/video/same_models.py`)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.options import as_command
from live.video.request import ReadingRequest


@dataclass(frozen=True, kw_only=True)
class ExtractRequest(ReadingRequest):
    """Options of a reading, and which faces are cut out."""

    emotion: Annotated[str, Option(help="Class of --model that faces must show when clean.")]
    frames: Annotated[
        int, Option("--for", min=1, metavar="N", help="Frames in a row that it must be shown for.")
    ] = 5
    only_one_face: Annotated[
        bool, Option("--only-one-face", help="Leave out frames with several faces.")
    ] = False
    person: Annotated[
        str, Option(metavar="NAME", help="Only faces of this person, a folder of --people.")
    ] = ""


def main(request: ExtractRequest) -> int:
    """Cut the faces that showed one expression out of clips, as pictures and as one clip."""
    from live.video.clips import find_clips

    clips = find_clips(request.clips)
    from fer_models import zoo
    from fer_models.backend import quiet_backend

    quiet_backend()
    classes = zoo.describe(request.model).classes
    if request.emotion not in classes:
        raise InputError(
            f"--emotion must be a class of {request.model}: {', '.join(classes)}; "
            f"got {request.emotion!r}."
        )
    _check_person(request)
    if request.beside:
        zoo.describe(request.beside)
    from live.video.command import read_clips

    def cut_out(clip: Path, folder: Path) -> None:
        _cut_out(request, clip, folder)

    return 1 if read_clips(request, clips, cut_out) else 0


def _check_person(request: ExtractRequest) -> None:
    """Refuse a person who is not among the people."""
    if not request.person:
        return
    if request.people is None:
        raise InputError(
            "--person needs --people DIR, a folder per person with photographs; got none."
        )
    from live.video.people.gallery import UNKNOWN, people_in

    known = people_in(request.people)
    if request.person not in (*known, UNKNOWN):
        raise InputError(
            f"--person must be a folder of {request.people}: {', '.join(known)}, or {UNKNOWN}; "
            f"got {request.person!r}."
        )


def _cut_out(request: ExtractRequest, clip: Path, folder: Path) -> None:
    from datasets.base.progress import bar
    from live.video.extracted import remove_extracted, write_extracted
    from live.video.recorded_faces import recorded_faces
    from live.video.runs import find_runs

    label = request.emotion
    runs = find_runs(
        recorded_faces(folder), label, request.frames, request.only_one_face, request.person
    )
    if not runs:
        remove_extracted(folder, label)
        who = f"no face of {request.person}" if request.person else "no face"
        print(f"{clip}: {who} showed {label} for {request.frames} frames in a row")
        return
    with bar(f"{clip.name}, {label}") as progress:
        write_extracted(clip, folder, label, runs, progress)
    count = sum(len(run.sights) for run in runs)
    print(f"{clip}: {label} in {count} faces, runs: {len(runs)}; {folder / label}.mp4")


if __name__ == "__main__":
    run(as_command(ExtractRequest, main), prog="python -m live.extract")
