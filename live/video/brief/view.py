"""Brief expressions on the page of a clip: a timeline of each face, and the events themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from live.video.brief.expressions import SEEN

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
        too_short: which faces were not seen for long enough, in words; empty if all were.
    """

    count: int
    lines: tuple[Line, ...]
    events: tuple[dict[str, Any], ...]
    left_out: int
    seconds: float
    too_short: str


def view_events(events: pd.DataFrame, seconds: float, seen: Mapping[int, float]) -> BriefView:
    """Arrange events for the page.

    Args:
        events: rows of `events.csv`.
        seconds: time of the clip's last frame.
        seen: for how many seconds each track was seen.
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
    left_out = len(events) - len(shown)
    return BriefView(len(events), tuple(chosen), shown, left_out, seconds, too_short(seen))


def too_short(seen: Mapping[int, float]) -> str:
    """Which faces were seen for less than `SEEN`, in words; empty if none.

    Args:
        seen: for how many seconds each track was seen.
    """
    short = [seconds for seconds in seen.values() if seconds < SEEN]
    if not short:
        return ""
    than = f"for less than the {SEEN:.0f} s of a baseline"
    if len(seen) == 1:
        return f"the face was seen {than}, {short[0]:.1f} s"
    return f"{len(short)} of {len(seen)} faces {'was' if len(short) == 1 else 'were'} seen {than}"


def _face(track: int, identity: str) -> str:
    return identity if identity not in ("", "unknown") else f"face {track}"
