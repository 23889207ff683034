"""Read a clip: find its faces, label them, follow them, write a row for each.

Faces are found on the caller's thread, while a second thread labels those of the frames before.
Frames are labelled in the same batches whether a reading was resumed or not.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from live.reading import Face
from live.video.clip import Clip
from live.video.find import FaceFinder, FoundFace, FoundFrame, found_frames, searched_smaller
from live.video.follow import Followed, Follower
from live.video.label import Labeller
from live.video.parts import PART_FRAMES, Parts
from live.video.people.naming import DISTANCE
from live.video.people.recognizer import Recognizer
from live.video.rows import make_schema, replay, rows_of_frame

BATCH_FRAMES = 25
"""Frames whose faces are labelled together."""
DISTANCE_DECIMALS = 4
AT_ONCE = 2
"""Batches that may wait for their labels."""
_Batch = list[tuple[FoundFrame, list[Followed]]]
_Rows = list[dict[str, Any]]
_Answers = list[tuple[Face, dict[str, float]]]
"""A labelled face, and its distance to each of the people if it was compared with them."""


class ClipReader:
    """Reads clips with the same detector, classifiers and attack. Not thread-safe.

    Attributes:
        labeller: classifiers and attack.
    """

    def __init__(
        self, labeller: Labeller, finder: FaceFinder, recognizer: Recognizer | None = None
    ) -> None:
        self.labeller = labeller
        self._finder, self._recognizer = finder, recognizer
        self._schema = make_schema(labeller.classifiers, labeller.settings, self.people)

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people that faces are compared with."""
        return () if self._recognizer is None else self._recognizer.gallery.names

    def parts_in(self, folder: Path) -> Parts:
        """The rows that a clip's folder holds."""
        return Parts(folder, self._schema)

    def read(
        self, clip: Clip, parts: Parts, progress: Callable[[int, int], object]
    ) -> tuple[int, list[str]]:
        """Read what is missing in `parts`.

        Args:
            clip: an opened clip.
            parts: rows read so far; the last of them are written before an error leaves.
            progress: called with the numbers of frames that are done and expected.

        Returns:
            Number of frames of the clip, and what was wrong with it, a sentence each.

        Raises:
            InputError: there is no frame, or the first is too small or too large.
        """
        follower, notes = Follower(), list[str]()
        done = replay(parts.tables(), follower)
        found = found_frames(self._finder, clip.path, clip.frames(done), notes)
        with _labelling() as worker:
            for part in _grouped(found, PART_FRAMES):
                rows: _Rows = []
                for batch_rows, frames in self._labelled(part, follower, worker):
                    rows += batch_rows
                    done += frames
                    progress(done, max(done, clip.expected))
                parts.add(rows)
        return done, [*clip.notes, *notes, *searched_smaller(clip.sizes)]

    def _labelled(
        self, part: Iterator[FoundFrame], follower: Follower, worker: ThreadPoolExecutor
    ) -> Iterator[tuple[_Rows, int]]:
        """Rows and number of frames of each batch, in order."""
        waiting: list[tuple[_Batch, Future[_Answers]]] = []
        for group in _grouped(part, BATCH_FRAMES):
            batch = [(frame, _follow(frame, follower)) for frame in group]
            faces = [face for frame, _ in batch for face in frame.faces]
            seen = [one for _, followed in batch for one in followed]
            waiting.append((batch, worker.submit(self._answers, faces, seen)))
            if len(waiting) > AT_ONCE:
                yield self._rows(*waiting.pop(0))
        for entry in waiting:
            yield self._rows(*entry)

    def _answers(self, found: list[FoundFace], followed: list[Followed]) -> "_Answers":
        """Labels of faces, and the distances of those that are compared with people."""
        faces = self.labeller.label(found, [one.track for one in followed])
        compared: list[dict[str, float]] = [{} for _ in found]
        if self._recognizer is not None:
            chosen = [i for i, one in enumerate(followed) if one.sampled]
            crops = [found[i].upright for i in chosen]
            distances = self._recognizer.distances([c for c in crops if c is not None])
            for i, row in zip(chosen, distances.round(DISTANCE_DECIMALS).tolist()):
                compared[i] = dict(zip(self.people, row))
        return list(zip(faces, compared))

    def _rows(self, batch: _Batch, answers: "Future[_Answers]") -> tuple[_Rows, int]:
        faces = iter(answers.result())
        settings = self.labeller.settings
        rows: _Rows = []
        for frame, followed in batch:
            mine = [next(faces) for _ in frame.faces]
            rows += rows_of_frame(frame, [face for face, _ in mine], followed, settings)
            for row, (_, distances) in zip(rows[len(rows) - len(mine) :], mine):
                row |= {f"{DISTANCE}{name}": value for name, value in distances.items()}
        return rows, len(batch)


@contextmanager
def _labelling() -> Iterator[ThreadPoolExecutor]:
    """A thread that labels; once the reading is stopped, it ends the batch that it has begun."""
    worker = ThreadPoolExecutor(1, "labels")
    try:
        yield worker
    finally:
        worker.shutdown(cancel_futures=True)


def _follow(frame: FoundFrame, follower: Follower) -> list[Followed]:
    ratios = [face.measures and face.measures.eye_aspect_ratio for face in frame.faces]
    return follower.update([face.box for face in frame.faces], ratios, frame.seconds)


def _grouped(frames: Iterator[FoundFrame], size: int) -> Iterator[Iterator[FoundFrame]]:
    """Split an iterator into iterators of this many frames; use up each before the next."""
    for first in frames:
        rest = (frame for _, frame in zip(range(size - 1), frames))
        yield chain([first], rest)
