"""A clip or camera on the server, played in real time for all viewers."""

import threading
import time
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from datasets.base.errors import InputError
from faces.video import Frame, frames

FRAME_PIXELS = 2_100_000
"""Most pixels of a frame: 1920x1080."""
LAST_FRAME = 1 / 25
"""Seconds for which the last frame of a clip, or the only one, is shown before it begins again."""
SILENCE = 3.0
"""Seconds without a frame before viewers are told."""


class Watcher(Protocol):
    """Receives frames, as a `Mailbox` does."""

    def put(self, item: Frame) -> None:
        """Receive the newest frame."""


class Source:
    """Plays while anyone watches; a clip starts again at its end.

    Attributes:
        name: name to show.
        silent: message when no frame arrives.
    """

    def __init__(self, source: Path | int) -> None:
        """Check that there is a first frame.

        Args:
            source: path of a clip, or number of a camera.

        Raises:
            InputError: no such file, no clip, or no camera.
        """
        self.name = f"camera {source}" if isinstance(source, int) else source.name
        self.silent = f"No frames from {self.name}. Is it still connected?"
        self._source = source
        self._watchers: list[Watcher] = []
        self._playing = False
        self._lock = threading.Lock()
        first = frames(source)
        next(first)
        first.close()  # type: ignore[attr-defined]

    def watch(self, mailbox: Watcher) -> None:
        """Put every frame into a mailbox from now on."""
        with self._lock:
            self._watchers.append(mailbox)
            if not self._playing:
                self._playing = True
                threading.Thread(target=self._play, daemon=True, name="source").start()

    def leave(self, mailbox: Watcher) -> None:
        """Stop putting frames into a mailbox, if it was watching."""
        with self._lock:
            self._watchers = [w for w in self._watchers if w is not mailbox]

    def _play(self) -> None:
        while self._watched():
            start = time.monotonic()
            try:
                for frame in frames(self._source):
                    ahead = frame.seconds - (time.monotonic() - start)
                    if ahead > 0:
                        time.sleep(min(ahead, 1.0))
                    if not (watchers := self._watched()):
                        return
                    fitted = Frame(frame.index, frame.seconds, fit(frame.image))
                    for mailbox in watchers:
                        mailbox.put(fitted)
                time.sleep(LAST_FRAME)
            except (InputError, cv2.error):  # unplugged: viewers are told that no frames arrive
                time.sleep(1.0)

    def _watched(self) -> list[Watcher]:
        """Watchers, for the playing thread, which ends when there are none."""
        with self._lock:
            self._playing = bool(self._watchers)
            return list(self._watchers)


def fit(image: np.ndarray, most_pixels: int = FRAME_PIXELS) -> np.ndarray:
    """Shrink an image that has more pixels than a frame may have."""
    shrink = (most_pixels / (image.shape[0] * image.shape[1])) ** 0.5
    if shrink >= 1:
        return image
    return cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
