"""The sound track of a clip as samples, in blocks that carry the clip's own times.

Memory does not grow with the clip: a block has about `BLOCK_SECONDS` at most. Not here: the sound
of clips that are written (`live/video/sound.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from live.video.clip import open_clip, open_container

RATE = 16_000
"""Samples per second."""
BLOCK_SECONDS = 300
_CUT_SECONDS = 30
"""A block ends at the quietest moment of its last seconds, so that no word is cut."""
_QUIET = RATE // 2
"""Length of a quiet moment, in samples."""
_PAUSE, _BACK = 0.05, 0.5
"""Seconds by which a time stamp may be late, or early, before it counts."""
_NEW_BLOCK = 1.0
"""Seconds without sound that end a block."""


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive samples.

    Attributes:
        start: time of the first one in the clip, in seconds.
        samples: float32 (N,) in [-1, 1], at `RATE`.
    """

    start: float
    samples: np.ndarray

    @property
    def end(self) -> float:
        """Time after the last sample, in seconds."""
        return self.start + len(self.samples) / RATE


class SoundTrack:
    """The first audio stream of a clip.

    Attributes:
        exists: whether there is one.
        seconds: length as far as the file states it; 0 if it does not.
        notes: what was wrong with it, a sentence each, once all blocks have been read.
    """

    def __init__(self, path: Path) -> None:
        """Look at the file.

        Raises:
            InputError: the clip cannot be opened.
        """
        self._path, self._zero = path, _zero(path)
        self.notes: list[str] = []
        with open_container(path) as container:
            self.exists = bool(container.streams.audio)
            self.seconds = (container.duration or 0) / 1e6

    def blocks(self, longest: float = BLOCK_SECONDS) -> Iterator[Block]:
        """Yield the samples; may be called once.

        Args:
            longest: seconds of the longest block.
        """
        if not self.exists:
            return
        waiting, start = np.empty(0, np.float32), 0.0
        for time, piece in self._pieces():
            end = start + len(waiting) / RATE
            if len(waiting) and time - end > _NEW_BLOCK:
                yield Block(start, waiting)
                waiting = waiting[:0]
            if not len(waiting):
                start = time
            elif time > end:
                waiting = np.append(waiting, np.zeros(round((time - end) * RATE), np.float32))
            waiting = np.append(waiting, piece)
            if len(waiting) >= longest * RATE:
                cut = _quietest(waiting, round(min(_CUT_SECONDS, longest / 2) * RATE))
                yield Block(start, waiting[:cut])
                start, waiting = start + cut / RATE, waiting[cut:]
        if len(waiting):
            yield Block(start, waiting)

    def _pieces(self) -> Iterator[tuple[float, np.ndarray]]:
        """About a second of samples at a time, each with its time; none is earlier than the last.

        A clock that is set back is counted on, as that of the frames is.
        """
        zero, end = self._zero, -np.inf
        held: list[np.ndarray] = []
        begin = 0.0
        for stamp, piece in self._decoded():
            time = end if stamp is None else stamp - zero
            if end == -np.inf:
                time = begin = 0.0 if stamp is None else time
            elif time < end - _BACK:
                zero += time - end
                time = end
            elif time <= end + _PAUSE:
                time = end
            if time != end and held:
                yield begin, np.concatenate(held)
                held = []
            if not held:
                begin = time
            held.append(piece)
            end = time + len(piece) / RATE
            if end - begin >= 1:
                yield begin, np.concatenate(held)
                held = []
        if held:
            yield begin, np.concatenate(held)

    def _decoded(self) -> Iterator[tuple[float | None, np.ndarray]]:
        """Frames as samples, with their time on the file's clock; damaged packets are left out."""
        import av

        damaged = 0
        resample = _Resampler()
        with open_container(self._path) as container:
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                self.notes.append("The sound cannot be decoded: FFmpeg does not know its codec.")
                return
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets)
                except StopIteration:
                    break
                except av.FFmpegError as error:
                    self.notes.append(
                        f"The sound ends early: it cannot be read any further ({error.strerror})."
                    )
                    break
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    damaged += 1
                    continue
                for frame in frames:
                    yield frame.time, resample(frame)
        if damaged:
            self.notes.append(f"Damaged packets of sound: {damaged}; they are left out.")


class _Resampler:
    """Turns frames into mono samples, also where a file changes its rate or its channels."""

    def __init__(self) -> None:
        self._form: tuple[str, str, int] | None = None
        self._resample: Callable[[Any], list[Any]] | None = None

    def __call__(self, frame: Any) -> np.ndarray:
        """Samples of a frame, float32 (N,)."""
        from av.audio.resampler import AudioResampler

        form = frame.format.name, frame.layout.name, frame.sample_rate
        if self._resample is None or form != self._form:
            self._form = form
            self._resample = AudioResampler(format="fltp", layout="mono", rate=RATE).resample
        pieces = [even.to_ndarray()[0] for even in self._resample(frame)]
        samples = np.concatenate(pieces) if pieces else np.empty(0, np.float32)
        return np.nan_to_num(samples.astype(np.float32, copy=False)).clip(-1, 1)


def _zero(path: Path) -> float:
    """Time of the clip's start on the file's clock: the time 0 of its frames."""
    with open_clip(path) as clip:
        if clip.zero is None:
            next(clip.frames())
        return clip.zero or 0.0


def _quietest(samples: np.ndarray, last: int) -> int:
    """Middle of the quietest moment among the last samples, as an index."""
    power = np.cumsum(np.square(samples[-last:], dtype=np.float64))
    loudness = power[_QUIET:] - power[:-_QUIET]
    return len(samples) - last + int(loudness.argmin()) + _QUIET // 2
