"""The rows of a clip: one per face and frame, and one for a frame without a face.

    frame,seconds,track,identity,x,y,width,height,model,label,<class>...,attack,eps,attacked_label,
    attacked_<class>...,flipped,beside_model,beside_label,beside_<class>...,beside_attacked_label,
    beside_attacked_<class>...,beside_flipped,mouth_open,...,eye_aspect_ratio,blinks,
    distance_<person>...

Columns are those of a live recording (`live/recording.py`), `face` being `track` here; severity,
steps and target of the attack are in `reading.json`. Of a frame without a face, all but the first
two are empty.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from faces.box import Box
from fer_models.classifier import Classifier
from live.reading import Answer, Face
from live.recording import row_of
from live.settings import Settings
from live.video.find import FoundFrame, Measures
from live.video.follow import Followed, Follower
from live.video.people.naming import DISTANCE

_SHARE_DECIMALS = 5
BESIDE = "beside_"


def make_schema(
    classifiers: Sequence[Classifier], settings: Settings, people: Sequence[str] = ()
) -> pa.Schema:
    """Columns and their types, for one or two classifiers and the people to be named."""
    first, *others = classifiers
    numbers = ["x", "y", "width", "height"]
    fields = [("frame", pa.int32()), ("seconds", pa.float64()), ("track", pa.int32())]
    fields += [("identity", pa.string()), *((name, pa.float64()) for name in numbers)]
    fields += [("model", pa.string()), ("label", pa.string()), *_shares("", first)]
    fields += [("attack", pa.string()), ("eps", pa.float64()), ("attacked_label", pa.string())]
    fields += [*_shares("attacked_", first, settings), ("flipped", pa.bool_())]
    for other in others:
        fields += [(f"{BESIDE}model", pa.string()), (f"{BESIDE}label", pa.string())]
        fields += [*_shares(BESIDE, other), (f"{BESIDE}attacked_label", pa.string())]
        fields += [
            *_shares(f"{BESIDE}attacked_", other, settings),
            (f"{BESIDE}flipped", pa.bool_()),
        ]
    fields += [(name, pa.float64()) for name in Measures._fields]
    fields += [("blinks", pa.int32()), *((f"{DISTANCE}{name}", pa.float64()) for name in people)]
    return pa.schema(fields)


def _shares(
    prefix: str, classifier: Classifier, settings: Settings | None = None
) -> list[tuple[str, pa.DataType]]:
    """A column per class; with `settings`, only if they name an attack."""
    if settings is not None and not settings.attack:
        return []
    return [(f"{prefix}{name}", pa.float64()) for name in classifier.scheme.classes]


def rows_of_frame(
    frame: FoundFrame, faces: Sequence[Face], followed: Sequence[Followed], settings: Settings
) -> list[dict[str, Any]]:
    """Rows of one frame; columns that are missing in a row are empty.

    Args:
        frame: the frame as it was found.
        faces: its faces, labelled, in the same order.
        followed: their tracks and blinks.
        settings: attack and its settings.
    """
    place = {"frame": frame.index, "seconds": frame.seconds}
    if not faces:
        return [place]
    rows = []
    for found, face, (track, blinks, _) in zip(frame.faces, faces, followed):
        row = {**row_of(frame.index, frame.seconds, face, settings), **place}
        box = found.box
        row |= {"track": track, "x": box.x, "y": box.y, "width": box.width, "height": box.height}
        if math.isnan(row["eps"]):
            row["eps"] = None
        if len(face.answers) > 1:
            row |= _beside(face)
        if found.measures is not None:
            row |= found.measures._asdict()
        rows.append({**row, "blinks": blinks})
    return rows


def _beside(face: Face) -> dict[str, Any]:
    """Columns of the second classifier."""
    row = {f"{BESIDE}model": face.answers[1].model, **_answer(BESIDE, face.answers[1])}
    if not face.attacked_answers:
        return {**row, f"{BESIDE}attacked_label": ""}
    after = face.attacked_answers[1]
    flipped = after.predicted != face.answers[1].predicted
    return {**row, **_answer(f"{BESIDE}attacked_", after), f"{BESIDE}flipped": flipped}


def _answer(prefix: str, answer: Answer) -> dict[str, Any]:
    shares = answer.probabilities.round(_SHARE_DECIMALS).tolist()
    named = {f"{prefix}{name}": share for name, share in zip(answer.classes, shares)}
    return {f"{prefix}label": answer.predicted, **named}


def replay(tables: Iterator[pa.Table], follower: Follower) -> int:
    """Bring a follower to where it was after these rows; return the number of their frames."""
    frames = 0
    columns = ["frame", "seconds", "x", "y", "width", "height", "eye_aspect_ratio"]
    for table in tables:
        boxes: list[Box] = []
        ratios: list[float | None] = []
        rows = table.select(columns).to_pylist()
        for row, after in zip(rows, [*rows[1:], None]):
            if row["x"] is not None:
                boxes.append(Box(row["x"], row["y"], row["width"], row["height"]))
                ratios.append(row["eye_aspect_ratio"])
            if after is None or after["frame"] != row["frame"]:
                follower.update(boxes, ratios, row["seconds"])
                boxes, ratios, frames = [], [], row["frame"] + 1
    return frames
