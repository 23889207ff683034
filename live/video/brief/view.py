"""Brief expressions on the page of a clip: a timeline of each face, and the events themselves."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

MOST_LINES, MOST_EVENTS = 12, 40
"""Lines of the timeline and rows of the table; `events.csv` has all."""
_THINNEST = 0.004
"""Width of the thinnest bar, as a share of the timeline."""


class Mark(NamedTuple):
    """An event in the timeline: where it begins and its width, as shares of the line."""

    x: float
    width: float


class Line(NamedTuple):
    """The events of one face and emotion."""

    name: str
    emotion: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class BriefView:
    """What the page shows.

    Attributes:
        count: number of events.
        lines: faces and emotions with most events, by name.
        events: the first events, as rows of `events.csv`, with `face`, what the face is called.
        left_out: number of further ones.
        seconds: end of the timeline.
    """

    count: int
    lines: tuple[Line, ...]
    events: tuple[dict[str, Any], ...]
    left_out: int
    seconds: float


def view_events(events: pd.DataFrame, seconds: float) -> BriefView:
    """Arrange events for the page.

    Args:
        events: rows of `events.csv`.
        seconds: time of the clip's last frame.
    """
    named = events.assign(face=[_face(*row) for row in zip(events["track"], events["identity"])])
    lines = []
    for (face, emotion), rows in named.groupby(["face", "emotion"], sort=False):
        marks = tuple(
            Mark(onset / seconds, max(_THINNEST, (offset - onset) / seconds))
            for onset, offset in zip(rows["onset_seconds"], rows["offset_seconds"])
        )
        lines.append(Line(face, emotion, marks))
    lines.sort(key=lambda line: len(line.marks), reverse=True)
    shown = tuple(named.head(MOST_EVENTS).to_dict("records"))
    chosen = sorted(lines[:MOST_LINES], key=lambda line: (line.name, line.emotion))
    return BriefView(len(events), tuple(chosen), shown, len(events) - len(shown), seconds)


def _face(track: int, identity: str) -> str:
    return identity if identity not in ("", "unknown") else f"face {track}"
