"""What an engine is asked for: chunks of sets, answers to images, probes of attacks.

Each is what the run itself would compute, kept where it would have kept it, so that afterwards
everything goes as if it had been resumed: same folders, same hashes, same tables.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from attacks.sets.contents import AdversarialSet
from attacks.sets.sweep import SetPlan
from datasets.image_source import ImageSource
from evaluation.checks.convergence import Doubled
from evaluation.checks.probes import ProbePart, failed_part, joined, parts_of_probe
from evaluation.checks.rules import Check
from evaluation.engines.cells import AnswerCell, ChunkCell, ProbeCell
from evaluation.engines.engine import Cell, LostCellError, Order
from fer_models.classifier import BATCH_SIZE, Classifier

ANSWER_BYTES = 8_000_000
"""Images of a cell that are classified, or one batch where that is more."""


@dataclass(kw_only=True, eq=False)
class SetOrder(Order):
    """A set; its parts are its chunks.

    Attributes:
        plan: plans it; called when `after` is done, as equal faces are copied from that set. What
            it raises is left to the run, which does the same again.
        rows: int64 (N,), places of its faces among the faces of the run.
        made: number of chunks that the engine made.
    """

    plan: Callable[[], SetPlan]
    rows: np.ndarray
    made: int = 0
    _planned: SetPlan | None = None

    @property
    def error(self) -> str:
        """The error of the first chunk that failed, as a run without an engine meets it."""
        return self.lost[min(self.lost)].message if self.lost else ""

    @property
    def count(self) -> int:
        """See `Order.count`."""
        return len(self._set.header.chunks)

    def begin(self) -> list[int]:
        """See `Order.begin`; none where the run itself will meet an error."""
        try:
            self._planned = self.plan()
            return self._planned.missing()
        except Exception:  # the run plans the same set again, and reports it
            return []

    def cell(self, part: int) -> Cell:
        """See `Order.cell`."""
        return ChunkCell(
            chunk=self._set.chunk(part),
            rows=self.rows[self._set.header.chunks[part]],
            model=self.model,
            weights_sha256=self.weights_sha256,
            reduced=self.reduced,
        )

    def keep(self, part: int, result: Any) -> None:
        """See `Order.keep`."""
        self._set.keep(part, result)
        self.made += 1

    @property
    def _set(self) -> SetPlan:
        assert self._planned is not None
        return self._planned


@dataclass(kw_only=True, eq=False)
class AnswerOrder(Order):
    """A model's logits of images; its parts are whole batches, as one call would take them.

    Attributes:
        images: float32 (N, H, W, C), read where they are indexed.
        missing: whether the logits are not on disk.
        answered: called with the logits of all images, float32 (N, K).
    """

    images: ImageSource
    missing: Callable[[], bool]
    answered: Callable[[np.ndarray], object]
    _parts: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """See `Order.count`."""
        return -(-len(self.images) // self._length)

    def begin(self) -> list[int]:
        """See `Order.begin`."""
        return [*range(self.count)] if self.missing() else []

    def cell(self, part: int) -> Cell:
        """See `Order.cell`."""
        images = self.images[part * self._length : (part + 1) * self._length]
        return AnswerCell(images=images, model=self.model, weights_sha256=self.weights_sha256)

    def keep(self, part: int, result: Any) -> None:
        """See `Order.keep`."""
        self._parts[part] = result
        if len(self._parts) == self.count:
            self.answered(np.concatenate([self._parts[part] for part in range(self.count)]))
            self._parts.clear()

    @property
    def _length(self) -> int:
        """Images of a part."""
        each = 4 * int(np.prod(self.images.shape[1:]))
        return BATCH_SIZE * max(1, ANSWER_BYTES // (each * BATCH_SIZE))


@dataclass(kw_only=True, eq=False)
class ProbeOrder(Order):
    """The probes of one attack on one model.

    Attributes:
        classifier: the model.
        open: reads the set.
        rows: int64 (N,), places of its faces among the faces of the run.
    """

    classifier: Classifier
    open: Callable[[], AdversarialSet]
    rows: np.ndarray
    _made: AdversarialSet | None = None
    _parts: list[ProbePart] = field(default_factory=list)
    _found: dict[int, Check | Doubled] = field(default_factory=dict)

    needs_all = False

    @property
    def count(self) -> int:
        """See `Order.count`."""
        return len(self._parts)

    def begin(self) -> list[int]:
        """See `Order.begin`."""
        made = self.open()
        self._made = replace(made, images=np.empty((0, *made.images.shape[1:]), np.float32))
        self._parts = parts_of_probe(self.classifier, made)
        return [*range(self.count)]

    def cell(self, part: int) -> Cell:
        """See `Order.cell`."""
        assert self._made is not None
        return ProbeCell(
            part=self._parts[part],
            made=self._made,
            rows=self.rows,
            model=self.model,
            weights_sha256=self.weights_sha256,
        )

    def keep(self, part: int, result: Any) -> None:
        """See `Order.keep`."""
        self._found[part] = result

    def checks(self) -> list[Check]:
        """What came out; a part whose workers died is a check that could not be made."""
        assert self._made is not None
        lost = {
            part: failed_part(self.classifier, self._parts[part], LostCellError(lost.message))
            for part, lost in self.lost.items()
        }
        found = self._found | lost
        return joined(self.classifier, self._made, [found[part] for part in range(self.count)])
