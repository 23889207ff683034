"""Frames of a clip file, read one after another with PyAV, each with the file's own time.

Cameras, and clips for the window, are read by `faces/video.py`: PyAV and an OpenCV window freeze
each other in one process, so it is imported here only, when a clip is opened.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets.base.errors import InputError
from faces.video import Frame
from live.video.upright import upright, upright_size

_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,matroska,webm,avi,mpeg,mpegts,asf,flv,ogg,gif,h264,hevc,mpegvideo",
}
"""Containers alone: FFmpeg also takes texts, pictures, and playlists that name other files."""
EARLY = 0.5
"""Seconds by which the frames may end before the file's stated duration."""
_NEAR = 0.5
"""Seconds by which a time stamp may be too early before the clock may have been set back."""
_WITNESSES = 4
"""Frames that must follow on a clock that was set back: after damaged packets, decoders return
single frames that are late by seconds."""
_HDR = {
    16: "HDR frames (PQ) are read without tone mapping: faces are dim and of low contrast, so an "
    "attack of the same eps changes far more predictions, and figures under attack do not hold.",
    18: "HDR frames (HLG) are read without tone mapping: their contrast differs from a screen's.",
}
"""Notes on transfer characteristics, by their number. Source: ITU-T H.273, table 3."""
_TO_SDR = (
    "Convert the clip first (ffmpeg -i CLIP -vf zscale=t=linear:npl=100,tonemap=hable,"
    "zscale=p=bt709:t=bt709:m=bt709,format=yuv420p NEW)."
)
_ASSUMED_RATE = 25.0
"""Frames per second of a clip that states none."""


class Clip:
    """An opened clip.

    Attributes:
        path: the file.
        zero: time of the file's start on its own clock, in seconds; None until the first frame if
            the file does not state it.
        rate: average frames per second.
        expected: number of frames as far as the file states it; 0 if it does not.
        container: PyAV's input container.
        stream: PyAV's video stream.
        sizes: width and height of frames, and the time of the first of that size.
    """

    def __init__(self, path: Path, container: Any, stream: Any) -> None:
        self.path, self.container, self.stream = path, container, stream
        stated = container.start_time
        self.zero: float | None = None if stated is None else stated / 1e6
        self.rate = float(stream.average_rate or stream.guessed_rate or _ASSUMED_RATE)
        self._shape = float(stream.sample_aspect_ratio or 1)
        self.sizes: dict[tuple[int, int], float] = {}
        self._duration = _stated_duration(container, stream)
        self.expected = stream.frames or round(self._duration * self.rate)
        self._last: float | None = None
        self._transfers: set[int] = set()
        self._estimated = self._jumps = self._damaged = self._interlaced = 0
        self._fault = ""
        self._incomplete = self._ended = False
        self._source: Iterator[Any] = iter(())
        self._coming: deque[Any] = deque()

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from number `start` on, upright; may be called once.

        Damaged packets are left out, and a file that cannot be read further ends; see `notes`.

        Raises:
            InputError: there is not a single frame.
        """
        index = -1
        self._source = self._decoded()
        for index, raw in enumerate(self._in_turn()):
            seconds = self._time(raw)
            self._interlaced += raw.interlaced_frame
            self._transfers.add(raw.color_trc)
            self.sizes.setdefault(upright_size(raw, self._shape), seconds)
            if index >= start:
                yield Frame(index, seconds, upright(raw, self._shape))
        self._ended = True
        if index < 0:
            why = self._fault or ("all packets are damaged" if self._damaged else "got no frame")
            raise InputError(f"{self.path}: expected a clip with frames; {why}. Convert it again.")

    @property
    def notes(self) -> list[str]:
        """What was wrong with the file, a sentence each, as far as its frames have been read."""
        found = [self._fault[:1].upper() + self._fault[1:] + "."] if self._fault else []
        end = (self._last or 0.0) + 1 / self.rate
        on_its_clock = end + max(0.0, self.zero or 0.0)  # Matroska's duration may count from there
        if self._ended and on_its_clock < self._duration - EARLY:
            found.append(
                f"The frames end at {end:.1f} s, but the file states {self._duration:.1f} s: it "
                "may have been cut short."
            )
        elif self._ended and self._incomplete:
            found.append(f"The last packet is incomplete: the file was cut short at {end:.1f} s.")
        if self._damaged:
            found.append(f"Damaged packets: {self._damaged}; their frames are missing or wrong.")
        if self._estimated:
            found.append(
                f"Frames without a time stamp later than the frame before: {self._estimated}; "
                f"their time is estimated from {self.rate:.3g} frames per second."
            )
        if self._jumps:
            times = f"{self._jumps} time{'' if self._jumps == 1 else 's'}"
            found.append(f"Time stamps jump back, {times}; later ones are counted on from there.")
        if self._interlaced:
            found.append(
                f"Interlaced frames: {self._interlaced}. Where moving faces look like combs, "
                "predictions change: deinterlace the clip first (ffmpeg -i CLIP -vf yadif NEW)."
            )
        found += [f"{words} {_TO_SDR}" for trc, words in _HDR.items() if trc in self._transfers]
        if len(self.sizes) > 1:
            sizes = [f"{w}x{h} from {t:.1f} s" for (w, h), t in self.sizes.items()]
            found.append(
                f"The resolution changes ({', '.join(sizes)}): boxes are in pixels of their frame."
            )
        return found

    def _in_turn(self) -> Iterator[Any]:
        """Frames of the source, first those that `_set_back` has looked at."""
        while True:
            while self._coming:
                yield self._coming.popleft()
            raw = next(self._source, None)
            if raw is None:
                return
            yield raw

    def _decoded(self) -> Iterator[Any]:
        import av

        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                self._fault = f"the file cannot be read any further ({error.strerror})"
                yield from self._flushed()
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._damaged += 1
                continue
            self._damaged += sum(frame.is_corrupt for frame in frames)
            self._incomplete = packet.is_corrupt if packet.size else self._incomplete
            yield from frames

    def _flushed(self) -> list[Any]:
        import av

        try:
            return list(self.stream.codec_context.decode(None))
        except av.FFmpegError:
            return []

    def _time(self, raw: Any) -> float:
        """Seconds since the file's start, always later than the frame before."""
        step, last = 1 / self.rate, self._last
        if raw.pts is None:
            self._estimated += 1
            self._last = 0.0 if last is None else last + step
            return self._last
        stamp = self._stamp(raw)
        if self.zero is None:
            self.zero = stamp
        seconds = stamp - self.zero
        if last is not None and seconds <= last - _NEAR and self._set_back(last):
            self._jumps += 1
            self.zero += seconds - (last + step)
            seconds = last + step
        elif last is not None and seconds <= last:
            self._estimated += 1
            seconds = last + step / 10  # little, so that the next stamps are later again
        self._last = seconds
        return seconds

    def _stamp(self, raw: Any) -> float:
        """A frame's time stamp in seconds, on the file's own clock."""
        return float(raw.pts * (raw.time_base or self.stream.time_base))

    def _set_back(self, last: float) -> bool:
        """Whether the frames to come are all before the last one, too."""
        while len(self._coming) < _WITNESSES and (raw := next(self._source, None)) is not None:
            self._coming.append(raw)
        stamps = [self._stamp(raw) for raw in self._coming if raw.pts is not None]
        return bool(stamps) and max(stamps) - (self.zero or 0.0) < last


@contextmanager
def open_clip(path: Path) -> Iterator[Clip]:
    """Open a clip and close it after the block.

    Raises:
        InputError: no such file, not a clip, no video stream, or PyAV is not installed.
    """
    with open_container(path) as container:
        from av.stream import Disposition

        cover = Disposition.attached_pic
        streams = [s for s in container.streams.video if not s.disposition & cover]
        if not streams:
            kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
            raise InputError(
                f"{path}: expected a clip with a video stream; found {kinds}. Name another file."
            )
        streams[0].thread_type = "AUTO"
        yield Clip(path, container, streams[0])


def open_container(path: Path) -> Any:
    """Open a file with PyAV, as a container only: no playlist, text or picture.

    Raises:
        InputError: no such file, not a clip, or PyAV is not installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        raise InputError(
            "clips need PyAV, which is not installed: pip install -e '.[video]'."
        ) from error
    if not path.is_file():
        raise InputError(f"{path}: expected a clip; found no such file.")
    try:
        return av.open(str(path), container_options=_OPTIONS, metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(
            f"{path}: expected a complete clip that FFmpeg can read; {error.strerror}. "
            "Name another file, or convert it to mp4."
        ) from error


def _stated_duration(container: Any, stream: Any) -> float:
    """Seconds of the video stream, or of the file; 0 if neither is stated."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6
