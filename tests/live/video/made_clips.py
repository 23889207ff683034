"""Tiny clips, written with PyAV: times, sound and rotation as a test asks for them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICKS = 1000
"""Ticks per second of the frames' time stamps."""


def grey(level, width=64, height=48):
    """A frame of one grey level."""
    return np.full((height, width, 3), level, np.uint8)


def write_clip(
    path: Path,
    images,
    *,
    rate=25,
    times=None,
    sound=0.0,
    rotation=0,
    pixel=None,
    codec="libx264",
    options=None,
    encoding=None,
    transfer=None,
):
    """Write a clip.

    Args:
        path: the ending chooses the container.
        images: uint8 RGB, all of one size.
        rate: frames per second.
        times: seconds of each frame, instead of those of the rate.
        sound: seconds of a tone.
        rotation: degrees that the file asks players to turn it, counterclockwise.
        pixel: width of a pixel through its height, a fraction.
        codec: an encoder of FFmpeg.
        options: options of the container.
        encoding: options of the encoder.
        transfer: number of the transfer characteristic that the file states; 16 is PQ, 18 is HLG.
    """
    images = list(images)
    with av.open(str(path), "w", options=options or {}) as out:
        video = out.add_stream(codec, rate=rate, options=encoding or {})
        height, width = images[0].shape[:2] if images else (48, 64)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.gop_size = 5
        if times is not None:
            video.codec_context.time_base = Fraction(1, TICKS)
        if transfer is not None:
            video.codec_context.color_trc = transfer
        if pixel is not None:
            video.codec_context.sample_aspect_ratio = pixel
        if rotation:
            video.set_display_rotation(rotation)
        audio = out.add_stream("aac", rate=48000) if sound else None
        out.start_encoding()
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[i] * TICKS), Fraction(1, TICKS)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio is not None:
            wave = np.sin(np.arange(int(48000 * sound)) / 20).astype(np.float32)[None] / 4
            frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, 0
            out.mux(audio.encode(frame))
            out.mux(audio.encode(None))
    return path


def write_spoken(path: Path, images, pieces, *, rate=10):
    """Write a clip whose sound has times of its own.

    Args:
        path: the ending chooses the container.
        images: uint8 RGB, all of one size.
        pieces: seconds at which each piece of sound begins, its samples (mono, in [-1, 1]) and
            their rate.
        rate: frames per second.
    """
    images = list(images)
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=rate)
        video.height, video.width = images[0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio = out.add_stream("pcm_s16le" if path.suffix == ".mkv" else "aac", rate=pieces[0][2])
        for image in images:
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(video.encode(None))
        for begin, samples, samples_rate in pieces:
            for first in range(0, len(samples), 1024):
                wave = (samples[first : first + 1024] * 32767).astype(np.int16)[None]
                frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
                frame.sample_rate, frame.time_base = samples_rate, Fraction(1, samples_rate)
                frame.pts = round(begin * samples_rate) + first
                out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    return path


def write_unknown_sound(path: Path, images):
    """Write a Matroska clip whose sound has a codec that nobody knows."""
    data = write_clip(path, images, sound=1.0).read_bytes()
    assert data.count(b"A_AAC") == 1
    path.write_bytes(data.replace(b"A_AAC", b"A_XYZ"))
    return path


def write_sound(path: Path):
    """Write a second of a tone without a picture."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=48000)
        wave = np.sin(np.arange(48000) / 20).astype(np.float32)[None] / 4
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 48000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
