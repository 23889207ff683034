"""`python -m evaluation.video [CLIP...]`: robustness of the reading of clips.

Flips per second, accuracy, delay and robust accuracy of what a model reads in a face over time,
with and without smoothing, under attacks on single frames, on whole clips, and on the smoothing
itself. Writes into `--out` the files of `evaluation/results/reading.py`.
"""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.options import as_command, parse_choice
from evaluation.readings.request import LEAST_FRAMES, Settings, VideoReadingRequest

if TYPE_CHECKING:
    from datasets.faceset import FaceSet
    from evaluation.readings.source_clip import SourceClip
    from evaluation.results.reading import MeasuredReading
    from fer_models.classifier import DifferentiableClassifier


def main(request: VideoReadingRequest) -> None:
    """Attack what models read in clips over time, and report what smoothing is worth."""
    settings = request.settings()
    from datasets.base.locks import locked

    faces = _labelled_faces(request) if request.planted else None
    with locked(request.out):
        classifiers = [_load(model) for model in settings.models]
        sources, notes = _clips(request, classifiers, faces)
        measured = _measured(request, settings, classifiers, sources, notes, faces)
    from reports.readings.page import verdicts, write_page

    for line in verdicts(measured):
        print(line)
    print(f"report: {write_page(request.out)}")


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


def _clips(
    request: VideoReadingRequest,
    classifiers: "list[DifferentiableClassifier]",
    faces: "FaceSet | None",
) -> "tuple[list[SourceClip], list[str]]":
    """Planted clips, then the faces of real ones; and what was left out, a sentence each."""
    from evaluation.readings.planted import plant_clips

    planted = plant_clips(faces, request.planted, request.seed) if faces else []
    sides = tuple(dict.fromkeys(classifier.face_side for classifier in classifiers))
    found, notes = _faces_of_clips(request, sides) if request.clips else ([], [])
    for note in notes:
        print(note, file=sys.stderr)
    if not planted and not found:
        raise InputError(
            f"no clip shows a face in at least {LEAST_FRAMES} frames. Name other clips, another "
            "--detector or a smaller --min-size."
        )
    return [*planted, *found], notes


def _faces_of_clips(
    request: VideoReadingRequest, sides: tuple[int, ...]
) -> "tuple[list[SourceClip], list[str]]":
    from datasets.base.progress import bar
    from evaluation.readings.source_clip import SourceClip
    from live.video.clip import open_clip
    from live.video.clips import find_clips
    from live.video.face_tracks import face_tracks
    from live.video.find import FaceFinder

    finder = FaceFinder(request.detector, request.min_size, sides)
    sources, notes = [], []
    for path in find_clips(request.clips or []):
        with open_clip(path) as clip, bar(path.name) as progress:
            tracks, to_end = face_tracks(clip, finder, request.seconds, progress)
        notes += [f"{path.name}: {note}" for note in clip.notes if to_end]
        kept = [track for track in tracks if len(track.frames) >= LEAST_FRAMES]
        if len(kept) < len(tracks) or not tracks:
            left = f"{len(tracks) - len(kept)} of {len(tracks)} faces left out"
            few = f"{left}, found in fewer than {LEAST_FRAMES} frames."
            notes.append(f"{path.name}: {few if tracks else 'no face was found.'}")
        for track in kept:
            name = path.name if len(kept) == 1 else f"{path.name}, face {track.number}"
            sources.append(SourceClip(name, track.seconds, track.crops))
    return sources, notes


def _measured(
    request: VideoReadingRequest,
    settings: Settings,
    classifiers: "list[DifferentiableClassifier]",
    sources: "list[SourceClip]",
    notes: list[str],
    faces: "FaceSet | None",
) -> "MeasuredReading":
    """Attack every clip on every model, score the readings, write the files."""
    import pandas as pd

    from datasets.base.progress import bar
    from evaluation.figures.readings import score_readings
    from evaluation.readings.measure import measure_clip
    from evaluation.results.reading import write_reading

    begun, parts = time.monotonic(), []
    total, done = len(classifiers) * len(sources) * len(settings.grid), 0
    for classifier in classifiers:
        for number, source in enumerate(sources):
            with bar(f"{classifier.id}, {source.name}") as progress:

                def step(eps: str) -> None:
                    nonlocal done
                    progress(done, total)
                    done += 1

                parts.append(
                    measure_clip(
                        classifier,
                        source,
                        settings.smoothers,
                        settings.grid,
                        steps=request.steps,
                        seed=1000 * request.seed + number,
                        progress=step,
                    )
                )
    frames = pd.concat(parts, ignore_index=True)
    manifest = {
        **_settings(request, settings),
        "clips": [_described(source) for source in sources],
        "notes": notes,
        "data": _data(faces),
        "models": {c.id: {"weights_sha256": c.weights_sha256} for c in classifiers},
        "seconds": round(time.monotonic() - begun, 1),
    }
    return write_reading(request.out, score_readings(frames, request.seed), frames, manifest)


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


def _described(source: "SourceClip") -> dict[str, Any]:
    span = float(source.seconds[-1] - source.seconds[0])
    return {
        "name": source.name,
        "reference": source.reference,
        "frames": len(source.seconds),
        "seconds": round(span, 3),
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
