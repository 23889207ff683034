"""Encode frames as H.264 into a file that PyAV writes."""

from fractions import Fraction
from typing import Any

import numpy as np

TICKS = 90_000
"""Ticks per second of time stamps, as in MPEG."""


class Encoder:
    """A video stream in an output container.

    Attributes:
        size: width and height of frames, even.
    """

    def __init__(self, out: Any, width: int, height: int, rate: float) -> None:
        """Add the stream.

        Args:
            out: PyAV's output container.
            width: of frames; an odd pixel is left out.
            height: of frames; an odd pixel is left out.
            rate: average frames per second.
        """
        self.size = max(2, width // 2 * 2), max(2, height // 2 * 2)
        self._out = out
        self._stream = out.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
        self._stream.width, self._stream.height = self.size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "veryfast", "crf": "21"}
        self._stream.codec_context.time_base = Fraction(1, TICKS)

    def add(self, image: np.ndarray, seconds: float) -> None:
        """Encode a frame.

        Args:
            image: uint8 RGB of `size`.
            seconds: its time, later than the frame before.
        """
        import av

        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = round(seconds * TICKS), Fraction(1, TICKS)
        self._out.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write the frames that the encoder still holds."""
        self._out.mux(self._stream.encode(None))
