"""What a run's tables hold of one model alone: models can be scored by processes side by side.

Not here: what compares models (`evaluation/figures/score_run.py`).
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import pandas as pd

from datasets.base.workers import worker_processes
from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.best_known import best_known_figures
from evaluation.figures.corruption import Baseline
from evaluation.figures.every_figure import add_figures
from evaluation.figures.figure_rows import Figures
from evaluation.figures.impossible import without_impossible
from evaluation.figures.outcomes import Outcomes, outcomes_of
from evaluation.figures.seeds import seed_figures
from evaluation.results.image_rows import ImageRows


@dataclass(frozen=True, eq=False)
class ModelScores:
    """One model scored.

    Attributes:
        figures: rows of `results.csv`, of its own images.
        known: those of the best known attacks.
        spread: those of attacks repeated with other seeds.
        outcomes: what it is compared by.
        impossible: attacks left out, see `without_impossible`.
    """

    figures: pd.DataFrame
    known: pd.DataFrame
    spread: pd.DataFrame
    outcomes: Outcomes
    impossible: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Scoring:
    """What models are scored from; it can be sent to another process.

    Attributes:
        images: the run's rows of images.
        schemes: classes of each model.
        baselines: models that corruption errors are relative to.
        outside: images of others, see `read_outside`.
        repeated: attacks with other seeds, see `read_seeds`.
        label_sets: label sets that score.
        grids: eps of each attack and of the worst case, as in `RunConfig.grids`.
        eps: grid of the run.
        split: name of the split.
        seed: seed of the run.
    """

    images: ImageRows
    schemes: Mapping[str, LabelScheme]
    baselines: Mapping[LabelSet, Baseline]
    outside: pd.DataFrame
    repeated: pd.DataFrame
    label_sets: tuple[LabelSet, ...]
    grids: Mapping[str, tuple[float, ...]]
    eps: tuple[float, ...]
    split: str
    seed: int

    def of(self, model: str) -> ModelScores:
        """Score one model; only its rows are in memory."""
        scheme, labels, grids = self.schemes[model], self.label_sets, self.grids
        rows, impossible = without_impossible(self.images.of(model), {model: scheme}, labels, grids)
        figures, where = Figures(self.split, self.seed), (self.split, self.seed)
        corrupted = self.images.corrupted(model)
        add_figures(figures, rows, corrupted, scheme, labels, grids, self.baselines)
        confirmed = self.outside[self.outside.model == model]
        again = self.repeated[self.repeated.model == model]
        return ModelScores(
            figures.frame(),
            best_known_figures(rows, confirmed, dict(self.schemes), self.eps, *where),
            seed_figures(rows, again, grids, *where),
            outcomes_of(rows, scheme, labels),
            impossible,
        )

    def of_all(self, models: Sequence[str], processes: int = 1) -> Iterator[ModelScores]:
        """Score models in their order.

        Args:
            models: their ids.
            processes: how many models are in memory at once, each in a process of its own if
                there are several.
        """
        done = 0
        if processes > 1:
            try:
                with worker_processes(processes) as pool:
                    for scores in pool.map(self.of, models):
                        done += 1
                        yield scores
            except BrokenProcessPool:  # as where memory is short; nothing that was done is lost
                print("a process was killed: the other models are scored in turn", file=sys.stderr)
        yield from map(self.of, models[done:])
