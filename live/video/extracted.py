"""The faces of runs as pictures, and joined into one clip.

Writes `<label>/track<n>-frame<n>.png` and `<label>.mp4` into the clip's folder; the joined clip
shows one run after the other, without sound.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from datasets.base.atomic import atomic
from datasets.image_files import cut_square
from live.video.clip import open_clip
from live.video.encoder import Encoder
from live.video.runs import Run, Sight

ROOM = 1.4
"""Side of a picture in sides of the face's box."""
SIDE = 256
"""Side of the joined clip, in pixels."""


def write_extracted(
    path: Path,
    folder: Path,
    label: str,
    runs: Sequence[Run],
    progress: Callable[[int, int], object],
) -> None:
    """Write the pictures and the joined clip, in place of those of an earlier call.

    Args:
        path: the clip.
        folder: its folder.
        label: class that the runs show; names the results.
        runs: at least one run.
        progress: called with the numbers of frames that are done and expected.
    """
    remove_extracted(folder, label)
    pictures = folder / label
    pictures.mkdir()
    wanted: dict[int, list[tuple[int, Sight]]] = {}
    for run in runs:
        for sight in run.sights:
            wanted.setdefault(sight.frame, []).append((run.track, sight))
    last = max(wanted)
    with open_clip(path) as clip:
        rate = clip.rate
        for frame in clip.frames(min(wanted)):
            for track, sight in wanted.get(frame.index, []):
                square = sight.box.square(ROOM)
                picture = cut_square(frame.image, square.x, square.y, square.width)
                Image.fromarray(picture).save(pictures / _name(track, sight.frame))
            progress(frame.index, last)
            if frame.index == last:
                break
    _join(pictures, folder / f"{label}.mp4", runs, rate)


def remove_extracted(folder: Path, label: str) -> None:
    """Remove the pictures and the joined clip of a label from a clip's folder, if there are any."""
    shutil.rmtree(folder / label, ignore_errors=True)
    (folder / f"{label}.mp4").unlink(missing_ok=True)


def _name(track: int, frame: int) -> str:
    return f"track{track}-frame{frame:06d}.png"


def _join(pictures: Path, path: Path, runs: Sequence[Run], rate: float) -> None:
    import av

    with (
        atomic(path) as unfinished,
        av.open(str(unfinished), "w", options={"movflags": "faststart"}) as out,
    ):
        encoder, count = Encoder(out, SIDE, SIDE, rate), 0
        for run in runs:
            for sight in run.sights:
                with Image.open(pictures / _name(run.track, sight.frame)) as file:
                    picture = np.asarray(file)
                shrinks = len(picture) > SIDE
                method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
                encoder.add(cv2.resize(picture, encoder.size, interpolation=method), count / rate)
                count += 1
        encoder.finish()
