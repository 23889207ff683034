"""The kinds of cells: a chunk of a set, answers to images, a part of the probes of an attack."""

from dataclasses import dataclass

import numpy as np

from attacks.sets.chunks import Arrays, Chunk
from attacks.sets.contents import AdversarialSet
from datasets.image_source import ChosenImages, UnitImages
from evaluation.checks.convergence import Doubled
from evaluation.checks.probes import ProbePart, probe_part
from evaluation.checks.rules import Check
from evaluation.engines.engine import Cell
from fer_models.classifier import Classifier


@dataclass(frozen=True, eq=False, kw_only=True)
class ChunkCell(Cell):
    """A chunk of a set: an attack with its eps grid, or a corruption, and some faces.

    Attributes:
        chunk: what is done.
        rows: int64 (N,), places of its faces among the faces of the run.
    """

    chunk: Chunk
    rows: np.ndarray

    def compute(self, classifier: Classifier | None, faces: np.ndarray) -> Arrays:
        """See `Chunk.make`."""
        return self.chunk.make(classifier, faces[self.rows].astype(np.float32) / 255)


@dataclass(frozen=True, eq=False, kw_only=True)
class AnswerCell(Cell):
    """Images that a model shall classify.

    Attributes:
        images: float32 (N, H, W, C) in [0, 1], whole batches of those that belong together, so
            that the last bits of the logits do not depend on the cells.
    """

    images: np.ndarray

    def compute(self, classifier: Classifier | None, faces: np.ndarray) -> np.ndarray:
        """Logits, float32 (N, K)."""
        assert classifier is not None
        return classifier.logits(self.images)


@dataclass(frozen=True, eq=False, kw_only=True)
class ProbeCell(Cell):
    """A part of the probes of an attack.

    Attributes:
        part: which one.
        made: the attack's set, without images.
        rows: int64 (N,), places of its faces among the faces of the run.
    """

    part: ProbePart
    made: AdversarialSet
    rows: np.ndarray

    def compute(self, classifier: Classifier | None, faces: np.ndarray) -> Check | Doubled:
        """See `probe_part`."""
        assert classifier is not None
        clean = ChosenImages(UnitImages(faces), self.rows)
        return probe_part(classifier, self.made, clean, self.part)
