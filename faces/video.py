"""Frames of a clip or a camera, each with its time.

Times are the container's presentation timestamps, never frame number divided by frame rate: many
clips have a variable rate.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from datasets.base.errors import InputError

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # errors are reported below, in one line
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a clip.

    Attributes:
        index: number of the frame, from 0.
        seconds: time since the start of the clip, or since the camera's first frame.
        image: uint8 RGB (H, W, 3), rotated as the container says.
    """

    index: int
    seconds: float
    image: np.ndarray


def frames(source: Path | str | int) -> Iterator[Frame]:
    """Yield all frames of a clip, or of a camera until the caller stops.

    Args:
        source: path of a clip, or number of a camera (0 is the first).

    Raises:
        InputError: no such file, not a clip, or no camera.
    """
    is_camera = isinstance(source, int)
    if not isinstance(source, int) and not Path(source).is_file():
        raise InputError(f"{source}: expected a clip; found no such file.")
    capture = cv2.VideoCapture(source if is_camera else str(source))
    try:
        yield from _read(capture, is_camera, f"camera {source}" if is_camera else str(source))
    finally:
        capture.release()


def _read(capture: cv2.VideoCapture, is_camera: bool, label: str) -> Iterator[Frame]:
    index, start = 0, 0.0
    while True:
        arrived, image = capture.read()
        if not arrived:
            break
        now = time.monotonic() if is_camera else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if index == 0:
            start = now
        yield Frame(index, now - start, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        index += 1
    if index == 0:
        expected = "a camera that answers" if is_camera else "a clip that OpenCV can read"
        raise InputError(f"{label}: expected {expected}; got no frame.")
