"""A clip with its faces drawn on every frame, and its sound kept.

Writes `annotated.mp4` into the clip's folder from the clip and `faces.parquet`: frames keep their
times, and the resolution is that of the first frame, at most `MOST_PIXELS`.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datasets.base.atomic import atomic
from live.overlay import draw_answers
from live.reading import Face
from live.source import fit
from live.video.clip import open_clip
from live.video.recorded_faces import recorded_faces
from live.video.sound import Sound

ANNOTATED = "annotated.mp4"
MOST_PIXELS = 1280 * 720
TICKS = 90_000
"""Ticks per second of time stamps, as in MPEG."""


def write_annotated(path: Path, folder: Path, progress: Callable[[int, int], object]) -> str:
    """Write the clip with drawn faces.

    Args:
        path: the clip.
        folder: its folder, with its rows.
        progress: called with the numbers of frames that are done and expected.

    Returns:
        What was wrong with the sound, a sentence; empty if nothing.

    Raises:
        InputError: the clip cannot be opened any more.
    """
    import av

    with (
        open_clip(path) as clip,
        Sound(path) as sound,
        atomic(folder / ANNOTATED) as unfinished,
        av.open(str(unfinished), "w", options={"movflags": "faststart"}) as out,
    ):
        writer: _Writer | None = None
        for frame, (number, faces) in zip(clip.frames(), recorded_faces(folder)):
            assert frame.index == number
            if writer is None:
                writer = _Writer(out, frame.image, clip.rate)
                sound.join(out, clip.zero or 0.0)
            sound.copy_until(frame.seconds)
            writer.add(frame.image, faces, frame.seconds)
            progress(frame.index + 1, max(frame.index + 1, clip.expected))
        if writer is not None:
            sound.copy_until(float("inf"))
            writer.finish()
        return sound.fault


class _Writer:
    """Encodes frames of one size."""

    def __init__(self, out: Any, image: np.ndarray, rate: float) -> None:
        height, width = fit(image, MOST_PIXELS).shape[:2]
        self._size = max(2, width // 2 * 2), max(2, height // 2 * 2)  # yuv420p wants even sides
        self._out = out
        self._stream = out.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "veryfast", "crf": "21"}
        self._stream.codec_context.time_base = Fraction(1, TICKS)

    def add(self, image: np.ndarray, faces: tuple[Face, ...], seconds: float) -> None:
        import av

        height, width = image.shape[:2]
        across, down = self._size[0] / width, self._size[1] / height
        canvas = image
        if (width, height) != self._size:
            canvas = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        for face in reversed(faces):  # the largest on top
            box = face.box
            drawn = replace(
                box,
                x=box.x * across,
                y=box.y * down,
                width=box.width * across,
                height=box.height * down,
            )
            draw_answers(canvas, replace(face, box=drawn))
        frame = av.VideoFrame.from_ndarray(canvas, format="rgb24")
        frame.pts, frame.time_base = round(seconds * TICKS), Fraction(1, TICKS)
        self._out.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._out.mux(self._stream.encode(None))
