"""Make sets: run an attack over its eps grid, or a corruption over its severities, chunk by chunk.

Finished chunks on disk are reused, so a killed run continues where it stopped and ends with the
same arrays (only the seconds differ). Not here: what is done to a chunk (`attacks/sets/chunks.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from attacks.sets.chunks import Arrays, Chunk, Known
from attacks.sets.contents import (
    AdversarialSet,
    AnySet,
    AttackedSet,
    SetHeader,
)
from attacks.sets.spec import CorruptionSpec
from attacks.sets.store import (
    MANIFEST,
    Told,
    chunk_path,
    intact_chunk,
    join_chunks,
    outline_of,
    read_chunk,
    read_header,
    write_chunk,
    write_header,
)
from attacks.sets.task import AttackTask, CleanFaces, check_same_model
from datasets.base.errors import InputError
from fer_models.classifier import Classifier

Progress = Callable[[int, int], object]
"""Called with (chunks done, all chunks) after each chunk, reused ones too."""


@dataclass(frozen=True, eq=False)
class SetPlan:
    """A set to make in a folder: its chunks, which of them are there, and where they go.

    Attributes:
        header: description of the set.
        faces: the N clean images.
        labels: int64 (N,), attacked labels; None for a corruption.
        directory: folder of the set.
        before: set of the same attack on the same model under the other labels. Faces with the same
            label are copied from it, with their cost but no time, instead of attacked again.
        transfer_set: whether every image is kept at full eps.
        predicted: see `AttackTask`.
    """

    header: SetHeader
    faces: CleanFaces
    labels: np.ndarray | None
    directory: Path
    before: AttackedSet | None = None
    transfer_set: bool = False
    predicted: np.ndarray | None = None

    @classmethod
    def attacked(
        cls,
        task: AttackTask,
        directory: Path,
        before: AttackedSet | None = None,
        transfer_set: bool = False,
    ) -> Self:
        """Plan of an attack; it asks the model for the logits of the first images.

        Raises:
            ValueError: a transfer set at more than one eps.
        """
        if transfer_set and len(task.spec.grid) != 1:
            raise ValueError(f"`spec` must be of an attack at one eps. Received: {task.spec}")
        header = task.header(transfer_set)
        return cls(header, task.faces, task.labels, directory, before, transfer_set, task.predicted)

    @classmethod
    def corrupted(cls, faces: CleanFaces, spec: CorruptionSpec, directory: Path) -> Self:
        """Plan of a corruption."""
        header = SetHeader(
            key=spec.key(faces.sha256),
            spec=spec,
            source="",
            classes=(),
            faces_sha256=faces.sha256,
            count=len(faces.images),
            image_shape=faces.images.shape[1:],
        )
        return cls(header, faces, None, directory)

    def missing(self) -> list[int]:
        """Numbers of the chunks that are not in the folder.

        Raises:
            InputError: the set is empty, or the folder holds another set or one of another model.
        """
        if self.header.count == 0:
            raise InputError(
                f"{self.directory}: a set needs at least one image with a label; got none."
            )
        if (self.directory / MANIFEST).exists():
            kept = read_header(self.directory)
            if kept.key != self.header.key:
                raise InputError(
                    f"{self.directory}: holds a set of other data, weights, settings or code "
                    "version. Name another folder, or delete this one."
                )
            check_same_model(self.directory, kept, self.header.answers)
        numbers = range(len(self.header.chunks))
        return [index for index in numbers if not chunk_path(self.directory, index).exists()]

    def chunk(self, index: int) -> Chunk:
        """One chunk, to be made anywhere."""
        rows, spec = self.header.chunks[index], self.header.spec
        row_ids = self.faces.row_ids[rows]
        if self.labels is None:
            return Chunk(spec, row_ids)
        labels = self.labels[rows]
        known = Known.of(self.before, row_ids, labels) if self.before else None
        predicted = None if self.predicted is None else self.predicted[rows]
        return Chunk(spec, row_ids, labels, self.transfer_set, known, predicted)

    def images(self, index: int) -> np.ndarray:
        """Clean images of a chunk, float32 (N, H, W, C)."""
        return self.faces.images[self.header.chunks[index]]

    def keep(self, index: int, arrays: Arrays) -> None:
        """Write a chunk; the first one creates the folder."""
        if not (self.directory / MANIFEST).exists():
            self.directory.mkdir(parents=True, exist_ok=True)
            write_header(self.directory, self.header)
        write_chunk(self.directory, index, self.header.key, arrays)

    def make(
        self,
        classifier: Classifier | None,
        on_chunk: Progress | None,
        on_damage: Told | None = None,
    ) -> AnySet:
        """Make the chunks that are missing or damaged, and read all.

        Args:
            classifier: the attacked model; None for a corruption.
            on_chunk: called after each chunk.
            on_damage: called with a line of text for each damaged chunk.

        Raises:
            InputError: see `missing`, a chunk belongs to another set, or the attack refuses.
        """
        missing, count, outlines = set(self.missing()), len(self.header.chunks), []
        for index in range(count):
            rows = self.faces.row_ids[self.header.chunks[index]]
            found = intact_chunk(self.directory, index, self.header, rows, on_damage)
            if found is None:  # an attack that refuses the model leaves no folder behind
                missing.add(index)
                self.keep(index, self.chunk(index).make(classifier, self.images(index)))
                found = read_chunk(self.directory, index, self.header)
            outlines.append(outline_of(self.directory, index, self.header, found))
            if on_chunk:
                on_chunk(index + 1, count)
        return join_chunks(self.directory, self.header, outlines, count - len(missing))


def make_adversarial_set(
    task: AttackTask, directory: Path, *, on_chunk: Progress | None = None
) -> AdversarialSet:
    """Attack images over an eps grid, or read what is on disk already.

    Each eps only attacks images that are classified correctly when clean and not broken at a
    smaller eps. An attack that looks for the smallest perturbation runs once, at the largest eps,
    to which all of its time is charged; each image counts from the first eps that its
    perturbation fits into.

    Args:
        task: what is attacked, and how.
        directory: folder of the set.
        on_chunk: called after each chunk.

    Raises:
        InputError: the folder or a chunk belongs to another set, or the attack refuses.
    """
    result = SetPlan.attacked(task, directory).make(task.classifier, on_chunk)
    assert isinstance(result, AdversarialSet)
    return result
