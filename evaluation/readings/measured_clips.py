"""Clips as every model of a run reads them, measured one after another and kept on disk."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from attacks.sets.chunks import Arrays
from datasets.base.progress import bar
from evaluation.checks.rules import Check
from evaluation.readings.converged import MOST_BLOCKS, Twice, blocks, check_converged
from evaluation.readings.kept import Kept
from evaluation.readings.measure import frame_rows, joined
from evaluation.readings.source_clip import SourceClip
from evaluation.readings.window import Plan, measure_window, windows
from fer_models.classifier import DifferentiableClassifier


class MeasuredClips:
    """Measures clips. Holds rows of frames and logits of blocks, and no pixels.

    Attributes:
        classifiers: the models.
    """

    def __init__(
        self, kept: Kept, classifiers: Sequence[DifferentiableClassifier], plan: Plan, seed: int
    ) -> None:
        self.classifiers = tuple(classifiers)
        self._kept, self._plan, self._seed = kept, plan, seed
        self._rows: dict[tuple[int, int], pd.DataFrame] = {}
        self._described: dict[int, dict[str, Any]] = {}
        self._twice: dict[tuple[str, str], list[Twice]] = {}

    def add(self, source: SourceClip, number: int) -> None:
        """Attack and read a clip with every model, as far as it is not on disk.

        Args:
            source: the clip.
            number: its place among all clips, on which random draws depend.
        """
        for place, classifier in enumerate(self.classifiers):
            self._rows[place, number] = self._measure(classifier, source, number)
        span = float(source.seconds[-1] - source.seconds[0])
        self._described[number] = {
            "name": source.name,
            "reference": source.reference,
            "frames": len(source.seconds),
            "seconds": round(span, 3),
        }

    @property
    def frames(self) -> pd.DataFrame:
        """Rows with `FRAME_COLUMNS`, model by model and clip by clip."""
        return pd.concat([self._rows[key] for key in sorted(self._rows)], ignore_index=True)

    @property
    def clips(self) -> list[dict[str, Any]]:
        """Name, reference, number of frames and seconds of each clip."""
        return [self._described[number] for number in sorted(self._described)]

    @property
    def checks(self) -> list[Check]:
        """R6 per model and kind of reference."""
        return [check_converged(*key, self._twice[key], self._plan) for key in sorted(self._twice)]

    def _measure(
        self, classifier: DifferentiableClassifier, source: SourceClip, number: int
    ) -> pd.DataFrame:
        count, plan = len(source.seconds), self._plan
        whole = windows(count, source.side(classifier))
        twice = self._twice.setdefault((classifier.id, source.reference), [])
        probed = blocks(count)[: MOST_BLOCKS - len(twice)]
        orders = [
            (classifier, whole, plan),
            (classifier, probed, plan),
            (classifier.with_draws(2), probed, plan._replace(steps=2 * plan.steps)),
        ]
        total, done = len(plan.grid) * sum(len(parts) for _, parts, _ in orders), 0
        with bar(f"{classifier.id}, {source.name}") as progress:

            def step(_eps: str) -> None:
                nonlocal done
                progress(done, total)
                done += 1

            found, once, more = (
                self._chunks(drawn, source, number, parts, how, step)
                for drawn, parts, how in orders
            )
        twice += [Twice(*pair) for pair in zip(once, more, strict=True)]
        joint = joined(found)
        return frame_rows(classifier, source.name, source.reference, joint, plan)

    def _chunks(
        self,
        classifier: DifferentiableClassifier,
        source: SourceClip,
        number: int,
        parts: Sequence[slice],
        plan: Plan,
        step: Callable[[str], None],
    ) -> list[Arrays]:
        """Parts of a clip, read from disk where they are."""
        model = [classifier.id, classifier.weights_sha256]
        asked = repr([*model, source.reference, source.name, plan.steps])
        seed, found = 1000 * self._seed + number, []
        for index, part in enumerate(parts):

            def make(part: slice = part) -> Arrays:
                return measure_window(classifier, source, part, plan, seed, step)

            found.append(self._kept.chunk(asked, parts, index, make))
        return found
