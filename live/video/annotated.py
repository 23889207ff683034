"""A clip with its faces drawn on every frame, and its sound kept.

Writes `annotated.mp4` into the clip's folder from the clip and `faces.parquet`: frames keep their
times, and the resolution is that of the first frame, at most `MOST_PIXELS`.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from datasets.base.atomic import atomic
from live.overlay import draw_answers
from live.reading import Face
from live.source import fit
from live.video.clip import open_clip
from live.video.encoder import Encoder
from live.video.recorded_faces import recorded_faces
from live.video.sound import Sound

ANNOTATED = "annotated.mp4"
MOST_PIXELS = 1280 * 720


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
        encoder: Encoder | None = None
        for frame, (number, faces) in zip(clip.frames(), recorded_faces(folder)):
            assert frame.index == number
            if encoder is None:
                height, width = fit(frame.image, MOST_PIXELS).shape[:2]
                encoder = Encoder(out, width, height, clip.rate)
                sound.join(out, clip.zero or 0.0)
            sound.copy_until(frame.seconds)
            encoder.add(_drawn(frame.image, faces, encoder.size), frame.seconds)
            progress(frame.index + 1, max(frame.index + 1, clip.expected))
        if encoder is not None:
            sound.copy_until(float("inf"))
            encoder.finish()
        return sound.fault


def _drawn(image: np.ndarray, faces: tuple[Face, ...], size: tuple[int, int]) -> np.ndarray:
    """Resize a frame to (width, height) and draw its faces; the image may be drawn on."""
    height, width = image.shape[:2]
    across, down = size[0] / width, size[1] / height
    canvas = image
    if (width, height) != size:
        canvas = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for face in reversed(faces):  # the largest on top
        box = replace(
            face.box,
            x=face.box.x * across,
            y=face.box.y * down,
            width=face.box.width * across,
            height=face.box.height * down,
        )
        draw_answers(canvas, replace(face, box=box))
    return canvas
