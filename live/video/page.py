"""The summary page of a clip, and its shares over time as a table.

Reads `faces.parquet`, `reading.json` and, if words were recognised, `words.csv`; writes
`shares.csv`, `events.csv` and `index.html` into the same folder.
"""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import pyarrow.parquet as pq
from markupsafe import Markup

from datasets.base.atomic import atomic
from datasets.base.percentages import in_percent
from live.attack_columns import attack_columns
from live.clock import clock, end_of_axis
from live.settings import Settings
from live.summary import Summary, shares_over_time, summarise
from live.video.annotated import ANNOTATED
from live.video.brief.events import EVENTS, write_events
from live.video.brief.view import BriefView, view_events
from live.video.parts import CSV, PARQUET
from live.video.people.seen import PEOPLE, write_people
from live.video.reading_folder import read_description
from live.video.rows import BESIDE
from live.video.speech.view import SpeechView, view_speech
from live.video.speech.words import WORDS

PAGE, SHARES = "index.html", "shares.csv"
FINEST = 0.25
"""Shortest time interval of shares over time, in seconds."""
_LIVE = Path(__file__).parents[1]


def write_page(folder: Path, back: str = "") -> str:
    """Write the page and the table behind its chart; return what the clip shows, in a line.

    Args:
        folder: the clip's folder.
        back: address that takes the next clip; empty: the page has no link to it.
    """
    known = read_description(folder)
    attack = attack_columns(Settings(**known["settings"]))
    table = _faces(folder).assign(
        severity=attack.severity, steps=attack.steps, target=attack.target
    )
    summary = summarise(table, FINEST)
    files = [CSV, PARQUET]
    if summary is not None:
        with atomic(folder / SHARES) as unfinished:
            shares_over_time(table, FINEST).round(4).to_csv(unfinished, index=False)
        files += [SHARES, EVENTS]
    found = write_events(folder)
    brief = view_events(found.events, _last_time(folder), found.seen)
    people = write_people(folder)
    if people is not None:
        files.append(PEOPLE)
    speech = view_speech(folder, table)
    if speech is not None:
        files.append(WORDS)
    page = _environment().get_template("clip.html")
    text = page.render(
        clip=known["clip"],
        back=back,
        summary=summary,
        beside=_beside(folder),
        doubtful=_without_landmarks(folder),
        frames=known["frames"],
        without=known["frames"] - table["frame"].nunique(),
        detector=known["detector"],
        attack=attack.words,
        notes=known["notes"],
        video=ANNOTATED if (folder / ANNOTATED).exists() else "",
        files=files,
        speech=speech,
        people=None if people is None else people.to_dict("records"),
        brief=brief,
        css=Markup((_LIVE / "server" / "static" / "deadpan.css").read_text(encoding="utf-8")),
    )
    with atomic(folder / PAGE) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return _line(summary, known["frames"]) + _moments(brief) + _spoken(speech)


def _line(summary: Summary | None, frames: int) -> str:
    if summary is None:
        return f"no face in {frames} frames"
    flips = "".join(f", {each.flipped} of {each.rows} flipped" for each in summary.attacks)
    return (
        f"predictions: {summary.rows}, in {summary.frames} of {frames} frames, most often "
        f"{summary.dominant}{flips}"
    )


def _moments(brief: BriefView) -> str:
    if not (brief.count or brief.too_short):
        return ""
    short = f" ({brief.too_short})" if brief.too_short else ""
    return f", brief expressions: {brief.count}{short}"


def _spoken(speech: SpeechView | None) -> str:
    if speech is None:
        return ""
    words = f"; words: {speech.count}"
    if speech.shares is None:
        return words
    agrees = speech.shares.agrees
    return f"{words}, emotional: {agrees.n}, of which the face fits {in_percent(agrees.value)} %"


def _faces(folder: Path) -> pd.DataFrame:
    """Rows with a face, without landmarks and second classifier, named as in a recording."""
    names = pq.read_schema(folder / PARQUET).names
    wanted = names[: names.index("flipped") + 1]
    left_out = {"identity", "x", "y", "width", "height"}
    table = pd.read_parquet(folder / PARQUET, columns=[n for n in wanted if n not in left_out])
    return table.dropna(subset="label").rename(columns={"track": "face"})


def _column(folder: Path, name: str) -> pd.Series:
    """A column of the rows with a face."""
    table = pd.read_parquet(folder / PARQUET, columns=["label", name])
    found: pd.Series = table[table["label"].notna()][name]
    return found


def _last_time(folder: Path) -> float:
    """Time of the clip's last frame, in seconds."""
    return float(pd.read_parquet(folder / PARQUET, columns=["seconds"])["seconds"].iloc[-1])


def _beside(folder: Path) -> dict[str, Any] | None:
    """The second classifier: model, most frequent label, share of flips; None without it."""
    names = pq.read_schema(folder / PARQUET).names
    if f"{BESIDE}label" not in names or _column(folder, f"{BESIDE}label").empty:
        return None
    flipped = _column(folder, f"{BESIDE}flipped").dropna().to_numpy(bool)
    return {
        "model": _column(folder, f"{BESIDE}model").iloc[0],
        "label": _column(folder, f"{BESIDE}label").mode().iloc[0],
        "flipped": float(flipped.mean()) if len(flipped) else None,
    }


def _without_landmarks(folder: Path) -> int:
    """Number of faces that the mesh does not see."""
    return int(_column(folder, "eye_aspect_ratio").isna().sum())


def _environment() -> jinja2.Environment:
    folders: list[Any] = [Path(__file__).parent / "templates", _LIVE / "server" / "templates"]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"in_percent": in_percent, "clock": clock, "end_of_axis": end_of_axis}
    return environment
