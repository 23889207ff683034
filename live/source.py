"""A clip or camera of the server's own, played at its pace for everybody who watches."""

import threading
import time
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from datasets.base.errors import InputError
from faces.video import Frame, frames
from live.server.images import FRAME_PIXELS

SILENCE = 3.0
"""Seconds without a frame after which a viewer is told."""


class Watcher(Protocol):
    """Takes frames, as a `Mailbox` does."""

    def put(self, item: Frame) -> None:
        """Take the newest."""


class Source:
    """Plays while somebody watches; a clip begins again when it ends.

    Attributes:
        name: for people.
        silent: what to tell them when nothing comes.
    """

    def __init__(self, source: Path | int) -> None:
        """Look whether there is a first frame.

        Args:
            source: path of a clip, or number of a camera.

        Raises:
            InputError: no such file, no clip, or no camera.
        """
        self.name = f"camera {source}" if isinstance(source, int) else source.name
        self.silent = f"Nothing comes from {self.name}. Is it still there?"
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
        """Stop; nothing happens to who does not watch."""
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
            except (InputError, cv2.error):  # unplugged: viewers are told that nothing comes
                time.sleep(1.0)

    def _watched(self) -> list[Watcher]:
        """For the playing thread, which ends when there are none."""
        with self._lock:
            self._playing = bool(self._watchers)
            return list(self._watchers)


def fit(image: np.ndarray, most_pixels: int = FRAME_PIXELS) -> np.ndarray:
    """The image, smaller where it has more pixels than a frame may have."""
    shrink = (most_pixels / (image.shape[0] * image.shape[1])) ** 0.5
    if shrink >= 1:
        return image
    return cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
