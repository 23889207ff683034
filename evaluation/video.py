"""`python -m evaluation.video [CLIP...]`: robustness of the reading of clips.

Flips per second, accuracy, delay and robust accuracy of what a model reads in a face over time,
with and without smoothing, under attacks on single frames, on whole clips, and on the smoothing
itself. Writes into `--out` the files of `evaluation/results/reading.py`.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.options import as_command, parse_choice
from evaluation.readings.request import LEAST_FRAMES, Settings, VideoReadingRequest

if TYPE_CHECKING:
    from datasets.faceset import FaceSet
    from evaluation.readings.measured_clips import MeasuredClips
    from evaluation.readings.source_clip import SourceClip
    from evaluation.results.reading import MeasuredReading
    from fer_models.classifier import DifferentiableClassifier
    from live.video.find import FaceFinder


def main(request: VideoReadingRequest) -> int:
    """Attack what models read in clips over time, and report what smoothing is worth."""
    settings = request.settings()
    from live.video.clips import find_clips

    clips = find_clips(request.clips or [])
    faces = _labelled_faces(request) if request.planted else None
    from evaluation.readings.identity import reading_identity
    from evaluation.stages.run_folder import check_run_folder, open_run_folder
    from fer_models.zoo import describe

    weights = {model: describe(model).weights_sha256 for model in settings.models}
    identity = reading_identity(request, clips, faces.sha256 if faces else None, weights)
    check_run_folder(request.out, identity, request.resume)
    classifiers = _classifiers(settings.models)
    from datasets.base.locks import locked
    from evaluation.checks.rules import was_not_made
    from evaluation.readings.kept import Kept
    from evaluation.readings.measured_clips import MeasuredClips
    from evaluation.readings.window import Plan
    from evaluation.stages.fingerprints import check_again, check_or_keep

    begun = time.monotonic()
    plan = Plan(settings.smoothers, settings.grid, request.steps)
    with locked(request.out), open_run_folder(request.out, identity, request.resume):
        check_or_keep(classifiers, request.out)
        kept = Kept(request.out, identity, _log)
        measured = MeasuredClips(kept, classifiers, plan, request.seed)
        notes, wrong = _measure(request, clips, faces, measured)
        for check in check_again(classifiers, request.out):
            if check["status"] != "ok":
                raise InputError(f"{check['model']}: {check['message']}")
            if was_not_made(check):
                _log(f"{check['model']}: {check['message']}")
        manifest = {
            **_settings(request, settings),
            "clips": measured.clips,
            "notes": notes,
            "checks": measured.checks,
            "data": _data(faces),
            "models": {
                classifier.id: {"given_as": model, "weights_sha256": classifier.weights_sha256}
                for model, classifier in zip(settings.models, classifiers, strict=True)
            },
            "seconds": round(time.monotonic() - begun, 1),
        }
        reading = _write(request, measured, manifest)
    from reports.readings.page import verdicts, write_page

    for line in verdicts(reading):
        print(line)
    for check in measured.checks:
        if check["status"] != "ok":
            print(f"{check['model']}: {check['message']}")
    print(f"report: {write_page(request.out)}")
    return 1 if wrong else 0


def _log(line: str) -> None:
    print(line, file=sys.stderr)


def _classifiers(models: Sequence[str]) -> "list[DifferentiableClassifier]":
    """The models, each under a unique name, as in a run; a line tells of those that shared one."""
    classifiers = [_load(model) for model in models]
    from evaluation.stages.foreign_models import tell_apart

    for line in tell_apart(models, classifiers):
        _log(line)
    return classifiers


def _load(model: str) -> "DifferentiableClassifier":
    from fer_models.backend import quiet_backend

    quiet_backend()
    from fer_models.classifier import DifferentiableClassifier
    from fer_models.zoo import load

    classifier = load(model)
    if not isinstance(classifier, DifferentiableClassifier):
        raise InputError(
            f"readings are attacked by gradients, and {model} has none. Leave it out of --models."
        )
    return classifier


def _labelled_faces(request: VideoReadingRequest) -> "FaceSet":
    from datasets.faceset import Split
    from faces.labelled import open_faces

    source = open_faces(request)
    split = parse_choice(Split, request.split, "--split") if request.split else None
    return source.faces(split or source.default_split)


def _measure(
    request: VideoReadingRequest,
    clips: Sequence[Path],
    faces: "FaceSet | None",
    measured: "MeasuredClips",
) -> tuple[list[str], int]:
    """Measure the faces of real clips and planted ones.

    An error of a single clip ends the command, before anything else is measured; of several, it is
    printed and the next one is read.

    Returns:
        What was left out, a sentence each, and the number of clips with an error.
    """
    from evaluation.readings.planted import plant_clips
    from live.video.find import FaceFinder

    planted = plant_clips(faces, request.planted, request.seed) if faces else []
    sides = tuple(dict.fromkeys(classifier.face_side for classifier in measured.classifiers))
    finder = FaceFinder(request.detector, request.min_size, sides) if clips else None
    notes, wrong, number = list[str](), 0, len(planted)
    for clip in clips:
        assert finder is not None
        try:
            sources, found = _faces_of(clip, request, finder)
        except InputError as error:
            if len(clips) == 1:
                raise
            sources, found = [], [f"left out: {str(error).removeprefix(f'{clip}: ')}"]
            wrong += 1
        for note in found:
            _log(f"{clip}: {note}")
            notes.append(f"{clip.name}: {note}")
        for source in sources:
            measured.add(source, number)
            number += 1
    if not number:
        raise InputError(
            f"no clip shows a face in at least {LEAST_FRAMES} frames. Name other clips, another "
            "--detector or a smaller --min-size."
        )
    for place, source in enumerate(planted):
        measured.add(source, place)
    return notes, wrong


def _faces_of(
    clip: Path, request: VideoReadingRequest, finder: "FaceFinder"
) -> "tuple[list[SourceClip], list[str]]":
    """The faces of a clip that are seen for long enough, and what was left out."""
    from datasets.base.progress import bar
    from evaluation.readings.source_clip import SourceClip
    from live.video.clip import open_clip
    from live.video.face_tracks import face_tracks

    with open_clip(clip) as opened, bar(clip.name) as progress:
        tracks, notes = face_tracks(opened, finder, request.seconds, progress, request.out)
    kept = [track for track in tracks if len(track.frames) >= LEAST_FRAMES]
    if not tracks:
        notes.append("left out: no face was found.")
    elif len(kept) < len(tracks):
        left = f"{len(tracks) - len(kept)} of {len(tracks)} faces left out"
        notes.append(f"{left}, found in fewer than {LEAST_FRAMES} frames.")
    named = [
        (clip.name if len(kept) == 1 else f"{clip.name}, face {track.number}", track)
        for track in kept
    ]
    return [SourceClip(name, track.seconds, track.crops) for name, track in named], notes


def _write(
    request: VideoReadingRequest, measured: "MeasuredClips", manifest: dict[str, Any]
) -> "MeasuredReading":
    """Score the readings, and write the files."""
    from evaluation.figures.readings import score_readings
    from evaluation.results.reading import write_reading

    frames = measured.frames
    results = score_readings(frames, request.seed, measured.checks)
    return write_reading(request.out, results, frames, manifest)


def _settings(request: VideoReadingRequest, settings: Settings) -> dict[str, Any]:
    from importlib.metadata import version

    from evaluation.environment import environment

    asked = {
        name: [str(path) for path in value] if name == "clips" and value else value
        for name, value in asdict(request).items()
    }
    return {
        "command": " ".join(["python -m evaluation.video", *sys.argv[1:]]),
        "deadpan_version": version("deadpan"),
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in asked.items()},
        "grid": list(settings.grid),
        "smoothing": [smoother.name for smoother in settings.smoothers],
        "environment": environment(),
    }


def _data(faces: "FaceSet | None") -> dict[str, Any] | None:
    if faces is None:
        return None
    from datasets.faceset import Split
    from datasets.sample.faces import NOTICE

    generated = faces.split is Split.SAMPLE
    return {
        "name": faces.name,
        "split": faces.split,
        "sha256": faces.sha256,
        "generated": generated,
        "notice": NOTICE if generated else "",
    }


if __name__ == "__main__":
    run(as_command(VideoReadingRequest, main), prog="python -m evaluation.video")
