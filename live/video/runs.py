"""Runs: consecutive frames in which one face shows one expression."""

from collections.abc import Iterator
from typing import NamedTuple

from faces.box import Box
from live.reading import Face


class Sight(NamedTuple):
    """A face in a frame: number of the frame, and its box there."""

    frame: int
    box: Box


class Run(NamedTuple):
    """Consecutive frames of one track."""

    track: int
    sights: tuple[Sight, ...]


def find_runs(
    frames: Iterator[tuple[int, tuple[Face, ...]]],
    label: str,
    shortest: int,
    only_one_face: bool = False,
    person: str = "",
) -> list[Run]:
    """Find the runs of a label, by their first frame.

    Args:
        frames: every frame in order, with its faces (`recorded_faces`).
        label: prediction of the first classifier on the clean face.
        shortest: fewest frames of a run.
        only_one_face: frames with several faces end a run.
        person: identity of the faces; empty: all.
    """
    going: dict[int, list[Sight]] = {}
    found: list[Run] = []

    def end(track: int) -> None:
        sights = going.pop(track)
        if len(sights) >= shortest:
            found.append(Run(track, tuple(sights)))

    for number, faces in frames:
        counted = () if only_one_face and len(faces) > 1 else faces
        showing = {
            face.number: face
            for face in counted
            if face.answers[0].predicted == label and person in ("", face.identity)
        }
        for track in [track for track in going if track not in showing]:
            end(track)
        for track, face in showing.items():
            going.setdefault(track, []).append(Sight(number, face.box))
    for track in list(going):
        end(track)
    return sorted(found, key=lambda run: (run.sights[0].frame, run.track))
