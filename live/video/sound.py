"""The sound of a clip, put into another file: copied where mp4 holds its codec, else as AAC."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

from live.video.clip import open_container

COPIED = ("aac", "mp3", "opus", "flac", "alac", "ac3", "eac3")
"""Codecs that mp4 files hold as they are."""
_AAC_RATE = 48_000


class Sound:
    """The first audio stream of a clip; silent where it has none.

    Attributes:
        fault: what was wrong with it, a sentence; empty if nothing.
    """

    def __init__(self, path: Path) -> None:
        self.fault = ""
        self._path = path
        self._container: Any = None
        self._packets: Iterator[tuple[float, Any]] = iter(())
        self._next: deque[tuple[float, Any]] = deque()
        self._out: Any = None

    def __enter__(self) -> "Sound":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._container is not None:
            self._container.close()

    def join(self, out: Any, zero: float) -> None:
        """Add a stream to PyAV's output container, before its first packet.

        Args:
            out: the container.
            zero: time on the clip's clock at which the output starts, in seconds.
        """
        self._out, self._container = out, open_container(self._path)
        if not self._container.streams.audio:
            return
        stream = self._container.streams.audio[0]
        if stream.codec_context is None:
            self.fault = "The sound is left out: FFmpeg does not know its codec."
            return
        if stream.codec_context.codec.canonical_name in COPIED:
            self._packets = self._copied(stream, out.add_stream_from_template(stream), zero)
        else:
            encoder = out.add_stream("aac", rate=_AAC_RATE)
            self._packets = self._encoded(stream, encoder, zero)

    def copy_until(self, seconds: float) -> None:
        """Write the packets that begin before a time of the output; infinity writes the rest."""
        import av

        while self._next or self._fetch():
            begin, packet = self._next[0]
            if begin > seconds:
                return
            self._next.popleft()
            try:
                self._out.mux(packet)
            except av.FFmpegError as error:
                self._stop(error)

    def _fetch(self) -> bool:
        """Fetch the next packet, unless there is none or the sound is damaged."""
        import av

        try:
            found = next(self._packets, None)
        except av.FFmpegError as error:
            self._stop(error)
            return False
        if found is not None:
            self._next.append(found)
        return found is not None

    def _stop(self, error: Any) -> None:
        self.fault = f"The sound ends early: it cannot be read any further ({error.strerror})."
        self._packets = iter(())
        self._next.clear()

    def _copied(self, stream: Any, copy: Any, zero: float) -> Iterator[tuple[float, Any]]:
        shift = round(zero / stream.time_base)
        for packet in self._container.demux(stream):
            if packet.dts is None:
                continue
            packet.dts -= shift
            packet.pts = packet.dts if packet.pts is None else packet.pts - shift
            packet.stream = copy
            yield float(packet.dts * stream.time_base), packet

    def _encoded(self, stream: Any, encoder: Any, zero: float) -> Iterator[tuple[float, Any]]:
        from av.audio.resampler import AudioResampler

        tick = Fraction(1, _AAC_RATE)
        resampler = AudioResampler(format="fltp", layout="stereo", rate=_AAC_RATE)
        begin: int | None = None
        written = 0
        for frame in self._container.decode(stream):
            if begin is None:
                begin = round(((frame.time or zero) - zero) * _AAC_RATE)
            for even in resampler.resample(frame):
                even.pts, even.time_base = begin + written, tick
                written += even.samples
                yield from _timed(encoder.encode(even), tick)
        yield from _timed(encoder.encode(None), tick)


def _timed(packets: list[Any], tick: Fraction) -> Iterator[tuple[float, Any]]:
    return ((float((packet.dts or 0) * tick), packet) for packet in packets)
