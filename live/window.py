"""The demo in an OpenCV window, for a desktop without a browser.

a d f h n s u   save the largest face as angry, disgust, fear, happy, neutral, sad, surprise
1 2 3 4         no attack, FGSM, PGD-10, noise;  + and - change eps
m  l  b  r      next model, landmarks, both eyes only, record to csv (press again to save it)
q or Esc        quit; a running recording is saved
"""

import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from datasets.base.errors import InputError
from faces.video import Frame
from live.collector import KEYS, Collector
from live.mailbox import Mailbox
from live.model_loader import ModelLoader
from live.overlay import side_by_side, write_line
from live.pipeline import Pipeline, Tools
from live.pixels import to_uint8
from live.reading import Reading
from live.recording import Recording
from live.settings import MOST_EPS, Settings
from live.source import SILENCE, Source, fit

TITLE = "Deadpan"
WIDEST_PIXELS = 640 * 480
PATIENCE = 0.1
"""Seconds between checks of the keyboard while no frame arrives."""
ATTACK_KEYS = {"1": "", "2": "fgsm", "3": "pgd", "4": "noise"}
QUIT = ("q", "\x1b")
HELP = "a d f h n s u save   1-4 attack   + - eps   m model   l b r   q quit"


class Window:
    """State of the window: settings, recording and message; it makes images but shows nothing."""

    def __init__(self, models: ModelLoader, out: Path) -> None:
        """Start with the default model and no attack.

        Args:
            models: loads classifiers.
            out: folder for saved faces and recordings.
        """
        self.settings = Settings(model=models.ids[0])
        self.recording: Recording | None = None
        self.message = HELP
        self._models, self._out = models, out
        self._collector = Collector(out)
        self._pipeline = Pipeline(models, Tools())
        self._reading: Reading | None = None
        self._began = time.monotonic()

    def show(self, image: np.ndarray) -> np.ndarray:
        """Process a frame and return the image to show, uint8 RGB."""
        image = fit(image, WIDEST_PIXELS)
        seconds = time.monotonic() - self._began
        reading = self._reading = self._read(image, seconds)
        if self.recording is not None:
            self.recording.add(seconds, reading, self.settings)
            if self.recording.full:
                self._record()
        canvas = side_by_side(image, reading)
        words = reading.note or ("" if reading.faces else "No face found.")
        attack = f"{self.settings.attack or 'no attack'}, eps {self.settings.eps:g}/255"
        write_line(canvas, f"{self.settings.model}   {attack}   {words}", 18)
        write_line(canvas, self.message, canvas.shape[0] - 8)
        return canvas

    def _read(self, image: np.ndarray, seconds: float) -> Reading:
        """Results of a frame; what is wrong, as with a model that cannot be loaded, is the note."""
        try:
            return self._pipeline.read(image, self.settings, seconds)
        except InputError as error:
            return Reading(image.shape[1], image.shape[0], (), str(error), False, {})

    def press(self, key: str) -> bool:
        """Handle a key; return False for quit."""
        if key in QUIT:
            return False
        if key in KEYS:
            self._save(KEYS[key])
        elif key in ATTACK_KEYS:
            self._set(attack=ATTACK_KEYS[key])
        elif key in "+=-":
            step = -1 if key == "-" else 1
            self._set(eps=min(MOST_EPS, max(0, self.settings.eps + step)))
        elif key == "m":
            ids = self._models.ids
            self._set(model=ids[(ids.index(self.settings.model) + 1) % len(ids)])
            self._models.try_again(self.settings.models)
        elif key == "l":
            self._set(landmarks=not self.settings.landmarks)
        elif key == "b":
            self._set(both_eyes=not self.settings.both_eyes)
        elif key == "r":
            self._record()
        return True

    def _set(self, **changes: object) -> None:
        self.settings = self.settings.model_copy(update=changes)

    def _save(self, name: str) -> None:
        if self._reading is None or not self._reading.faces:
            self.message = "No face to save."
            return
        path = self._collector.save(to_uint8(self._reading.faces[0].clean), name)
        self.message = f"Saved {path}"

    def _record(self) -> None:
        if self.recording is None:
            self.recording = Recording()
            self.message = "Recording; press r again to save it."
            return
        self._out.mkdir(parents=True, exist_ok=True)
        path = self._out / f"session-{time.strftime('%Y%m%d-%H%M%S')}.csv"
        self.recording.write(path)
        self.message = f"{'Full: wrote' if self.recording.full else 'Wrote'} {path}"
        self.recording = None

    def close(self) -> None:
        """Save a running recording, and say so on standard error."""
        if self.recording is not None:
            self._record()
            print(self.message, file=sys.stderr)


def show(models: ModelLoader, source: int | Path, out: Path) -> None:
    """Open the window and run until a key quits it.

    Args:
        models: loads classifiers.
        source: number of a camera, or path of a clip.
        out: folder for saved faces and recordings.

    Raises:
        InputError: no camera, no clip, or no screen.
    """
    # Without a screen OpenCV ends the whole process instead of raising.
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        raise InputError("there is no screen for --window; omit it to use the page.")
    models.wait(models.ids[0])
    window, mailbox = Window(models, out), Mailbox[Frame]()
    camera = Source(source)
    cv2.namedWindow(TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
    camera.watch(mailbox)
    try:
        _stay(window, camera, mailbox)
    finally:
        camera.leave(mailbox)
        cv2.destroyAllWindows()
        window.close()


def _stay(window: Window, camera: Source, mailbox: Mailbox[Frame]) -> None:
    """Show frames and handle keys until one quits or the window is closed."""
    canvas, arrived = np.zeros((480, 640, 3), np.uint8), time.monotonic()
    while True:
        frame = mailbox.take(PATIENCE)
        if frame is not None:
            canvas, arrived = window.show(frame.image), time.monotonic()
        elif time.monotonic() - arrived > SILENCE:
            write_line(canvas, camera.silent, 40)
        cv2.imshow(TITLE, cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR))
        pressed = cv2.waitKey(1) & 0xFF
        closed = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
        if closed or (pressed != 0xFF and not window.press(chr(pressed))):
            return
