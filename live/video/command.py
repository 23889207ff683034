"""Read the clips of a command one after another, each into its folder, with their messages."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets.base.errors import InputError
from datasets.base.locks import locked
from datasets.base.progress import bar
from live.model_loader import ModelLoader
from live.video.clip import open_clip
from live.video.doubtful import FEWEST, doubtful_tracks, without_tracks
from live.video.find import FaceFinder
from live.video.label import Labeller
from live.video.parts import FOLDER
from live.video.people.naming import Naming
from live.video.people.recognizer import Recognizer
from live.video.read_clip import ClipReader
from live.video.reading_folder import (
    READING,
    check_folder,
    describe_reading,
    read_description,
    write_description,
)
from live.video.request import ReadingRequest
from live.video.same_models import FINGERPRINTS, SameModels


def read_clips(
    request: ReadingRequest, clips: Sequence[Path], use: Callable[[Path, Path], None]
) -> int:
    """Read clips, and call `use` with each clip and its folder.

    An error of a single clip ends the command; of several, it is printed and the next one is read.

    Args:
        request: options.
        clips: the clips that it names, see `live.video.clips`.
        use: called once a clip is read.

    Returns:
        Number of clips with an error.

    Raises:
        InputError: wrong options, no such model, or the single clip's error.
    """
    settings = request.settings
    recognizer = _recognizer(request)
    labeller = Labeller(ModelLoader(list(settings.models)), settings)
    upright, people = (
        (None, None) if recognizer is None else (recognizer.crop, recognizer.gallery.sha256)
    )
    finder = FaceFinder(request.detector, request.min_size, labeller.sides, upright)
    reader, wrong = ClipReader(labeller, finder, recognizer), 0
    for clip in clips:
        folder = request.out / clip.stem
        description = describe_reading(
            clip, settings, labeller.classifiers, request.detector, request.min_size, people
        )
        try:
            check_folder(folder, description, request.resume)
            with locked(folder):
                _read(clip, folder, reader, description)
                use(clip, folder)
        except InputError as error:
            if len(clips) == 1:
                raise
            print(error, file=sys.stderr)
            wrong += 1
    return wrong


def _recognizer(request: ReadingRequest) -> Recognizer | None:
    """The people to be named, described; a line for each two that look alike to the net."""
    if request.people is None:
        return None
    recognizer = Recognizer(request.people)
    for one, other, distance in recognizer.gallery.alike():
        print(
            f"{request.people}: {one} and {other} look alike to the net (distance {distance:.2f}): "
            "their names may be confused.",
            file=sys.stderr,
        )
    return recognizer


def _read(clip: Path, folder: Path, reader: ClipReader, description: dict[str, Any]) -> None:
    """Read one clip, and print what was wrong with it."""
    with bar(clip.name) as progress:
        read_into(clip, folder, reader, description, progress)
    for note in read_description(folder)["notes"]:
        print(f"{clip}: {note}", file=sys.stderr)


def read_into(
    clip: Path,
    folder: Path,
    reader: ClipReader,
    description: dict[str, Any],
    progress: Callable[[int, int], object],
) -> None:
    """Read one clip into its folder, unless that holds all of it.

    Args:
        clip: the clip.
        folder: its folder.
        reader: reads it.
        description: see `describe_reading`.
        progress: called with the numbers of frames that are done and expected.

    Raises:
        InputError: it cannot be read, or a model gives other logits than when its reading began.
    """
    parts, models = reader.parts_in(folder), SameModels(reader.labeller, folder)
    if parts.finished:
        parts.check()
        return
    with open_clip(clip) as opened, _begun(folder, description, models):
        frames, notes = reader.read(opened, parts, progress)
    notes += models.check_again()
    doubtful = doubtful_tracks(parts.tables())
    if doubtful:
        notes.append(_left_out(doubtful))
    write_description(folder, {**description, "frames": frames, "notes": notes})
    naming = Naming(parts.tables(), reader.people)
    parts.join(lambda table: naming.fill(without_tracks(table, doubtful)))


def _left_out(doubtful: dict[int, int]) -> str:
    count = sum(doubtful.values())
    return (
        f"{count} {'box was' if count == 1 else 'boxes were'} left out: seen in fewer than "
        f"{FEWEST} frames, and the face mesh saw no face there."
    )


@contextmanager
def _begun(folder: Path, description: dict[str, Any], models: SameModels) -> Iterator[None]:
    """Write what is read; a reading that is refused before a row is written leaves nothing."""
    write_description(folder, description)
    models.keep()
    try:
        yield
    except InputError:
        if not (folder / FOLDER).exists():
            (folder / READING).unlink()
            (folder / FINGERPRINTS).unlink(missing_ok=True)
        raise
