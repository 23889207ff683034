"""The ranking of models, for the page, `report.md` and leaderboards over several runs.

The models of one ranking faced the same attacks on the same faces and were trained on the same
label set. There is no rank for a model that an attack crashed on, that lacks classes of its label
set, or whose figures a failed check makes void (R3, R4, R25, and R11 where answers depend on the
batch or changed during the run), nor for an upper bound among exact figures. Where another check of
the attack failed, such as R6, the rank is provisional. Rules: R11, R17 (worst case per image), R18
(paired test, Holm), and the `rank` of each rule in `evaluation/checks/rules.py`.

Not here: which models share a board (`evaluation/comparing/boards.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import LabelSet
from evaluation.checks.rules import Rank, failed_rules
from evaluation.comparing.rivals import is_whole
from evaluation.comparing.uneven_sets import surrogates
from evaluation.figures.groups import coarsest
from evaluation.figures.outcomes import right_clean
from evaluation.metrics.robustness import security_curve_areas
from evaluation.results.image_rows import Kind
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, headline, pick, rankable
from evaluation.statistics.paired import holm, sign_flip_test
from evaluation.statistics.ranks import rank_ranges

PAIR_COLUMNS: dict[str, str] = {
    "model_a": "string",
    "model_b": "string",
    "n": "int64",
    "difference": "float64",
    "p_value": "float64",
    "p_holm": "float64",
    "distinguishable": "boolean",
}
"""Columns of a ranking's tests, one row per pair of rivals."""

STEPS = 240
"""Scores are compared in steps of 1/240, which the eps grids of all tiers fall on exactly."""


@dataclass(frozen=True)
class Entry:
    """A model in one run, under the label set by which it is ranked."""

    run: FinishedRun
    model: str
    label_set: str

    @property
    def is_upper_bound(self) -> bool:
        """Whether it is a black box, so that its robust accuracy is an upper bound."""
        return self.model in self.run.black_boxes

    @property
    def surrogates(self) -> list[str]:
        """The models that made images for it, with their weights, see `surrogates`."""
        made = (one for one in self.run.manifest["perturbations"] if one["model"] == self.model)
        return list(dict.fromkeys(name for one in made for name in surrogates(self.run, one)))

    @property
    def is_whole(self) -> bool:
        """Whether its worst case is over all attacks and classes, and each face has one answer.

        The latter is R11.
        """
        scheme = self.run.schemes.get(self.model)
        return is_whole(self.model, self.label_set, scheme, self.run.results, self.run.checks)

    @property
    def void_by(self) -> list[str]:
        """Rules whose failed checks make its figures void, so that it has no rank."""
        return failed_rules(self.run.checks, self.model, self.label_set, Rank.NONE)

    @property
    def doubted_by(self) -> list[str]:
        """Rules whose failed checks say that its robust accuracy may be too high.

        Without gradients all figures are upper bounds, so that R7 tells nothing more of a model.
        """
        found = failed_rules(self.run.checks, self.model, self.label_set, Rank.PROVISIONAL)
        return [rule for rule in found if not (rule == "R7" and self.is_upper_bound)]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Models of one board.

    Attributes:
        order: all of them, those with a rank first, best first.
        ranges: best and worst rank that the tests leave open, of those that have a rank.
        pairs: tests between those that have a rank, columns of `PAIR_COLUMNS`.
        provisional: those whose rank may be too good, with the rules whose checks failed.
        void: those without a rank because checks failed that their figures need, with the rules.
    """

    order: list[str]
    ranges: dict[str, tuple[int, int]]
    pairs: pd.DataFrame
    provisional: Mapping[str, list[str]]
    void: Mapping[str, list[str]]

    def not_distinguishable(self, model: str) -> list[str]:
        """Rivals that do not differ significantly from this model, in the ranking's order."""
        alike = self.pairs[~self.pairs.distinguishable.fillna(True).astype(bool)]
        mine = alike[(alike.model_a == model) | (alike.model_b == model)]
        others = {*mine.model_a, *mine.model_b} - {model}
        return [name for name in self.order if name in others]


def rank_models(entries: Mapping[str, Entry]) -> Ranking:
    """Rank models by the area under their security curves up to the headline eps.

    The area is the mean robust accuracy from eps 0 to the headline eps, so models that are all
    broken there are still told apart by the smaller eps. Without attacks, models are ranked by
    clean accuracy. Each pair of rivals is compared by a sign-flip test of the areas of the same
    images, with Holm's correction over the pairs of this ranking only.

    Args:
        entries: models of one board, by unique name.
    """
    tops = [headline(entry.run.results) for entry in entries.values()]
    top = next((found for found in tops if found), None)
    scores = {name: image_scores(entry, top) for name, entry in entries.items()}
    bounds = {name for name, entry in entries.items() if entry.is_upper_bound}
    void = {name: rules for name, entry in entries.items() if (rules := entry.void_by)}
    broken = {name for name, entry in entries.items() if not entry.is_whole} | set(void)
    rivals = [name for name in rankable(entries, bounds, broken) if len(scores[name])]
    if len({frozenset(entries[name].surrogates) for name in rivals}) > 1:
        rivals = []  # upper bounds by images of other models say nothing of which model is better
    runs = {id(entries[name].run): entries[name].run.images.faces for name in rivals}
    groups = coarsest(runs.values()) if runs else pd.Series(dtype=np.int64)
    pairs = _tests(rivals, scores, groups)

    def place(name: str) -> tuple[bool, bool, float, float]:
        score = float(scores[name].mean()) if len(scores[name]) else -1.0
        return name not in rivals, name in bounds, -score, -_clean(entries[name])

    ranges = rank_ranges(pairs, rivals)
    doubts = {name: entries[name].doubted_by for name in ranges}
    provisional = {name: rules for name, rules in doubts.items() if rules}
    return Ranking(sorted(entries, key=place), ranges, pairs, provisional, void)


@lru_cache(maxsize=2)
def run_rankings(run: FinishedRun) -> dict[str, Ranking]:
    """The ranking of each label set of one run, over the models that were trained on it."""
    sets = dict.fromkeys(run.own_label_set(model) for model in run.models)
    return {
        name: rank_models({model: Entry(run, model, name) for model in run.models_of(name)})
        for name in sets
    }


def image_scores(entry: Entry, top: Headline | None) -> pd.Series:
    """Each image's part of the area under the security curve up to the headline eps, by row id.

    Args:
        entry: a model.
        top: the headline of its board; None without attacks, then 1 where the clean image is
            classified correctly and 0 elsewhere.
    """
    images = entry.run.images
    if top is None:
        if entry.model not in entry.run.measured:
            return pd.Series(dtype=float)
        scheme = entry.run.schemes[entry.model]
        return right_clean(
            images.pick(
                ["row", "perturbation", "prediction", entry.label_set],
                model=entry.model,
                kinds=[Kind.CLEAN],
            ),
            scheme,
            LabelSet(entry.label_set),
        ).astype(float)
    rows = images.pick(
        ["row", "attacked_labels", "norm", "smallest_eps"],
        model=entry.model,
        kinds=[Kind.ATTACKED],
    )
    attacked = rows[(rows.attacked_labels == entry.label_set) & (rows.norm == top.norm)]
    smallest = attacked.groupby("row").smallest_eps.min()
    grid = _grid(entry.run.results, top)
    areas = security_curve_areas(smallest.to_numpy(np.float64), eps_grid=grid)
    return pd.Series(areas, index=smallest.index)


def _grid(results: pd.DataFrame, top: Headline) -> list[float]:
    """Eps of the worst case above 0 and up to the headline, ascending."""
    rows = pick(results, norm=top.norm, metric="robust_accuracy", perturbation=WORST_CASE)
    eps = np.unique(rows["eps"].to_numpy(np.float64))
    return [float(one) for one in eps if 0 < one <= top.eps + 1e-9]


def _clean(entry: Entry) -> float:
    rows = pick(
        entry.run.results,
        model=entry.model,
        label_set=entry.label_set,
        subset="all",
        perturbation="none",
        metric="accuracy",
    )
    return float(np.nan_to_num(rows["value"].iloc[0], nan=-1.0)) if len(rows) else -1.0


def _tests(
    rivals: Sequence[str], scores: Mapping[str, pd.Series], groups: pd.Series
) -> pd.DataFrame:
    """Every pair of rivals on the images of both; near duplicates share one sign."""
    steps = {name: (scores[name] * STEPS).round().astype(np.int64) for name in rivals}
    rows: list[dict[str, Any]] = []
    for a, b in combinations(rivals, 2):
        both = steps[a].index.intersection(steps[b].index)
        gaps = steps[a].loc[both] - steps[b].loc[both]
        difference = float(gaps.mean()) / STEPS if len(gaps) else np.nan
        p_value = sign_flip_test(gaps.groupby(groups.loc[both]).sum().to_numpy(np.int64))
        rows.append(
            {"model_a": a, "model_b": b, "n": len(gaps), "difference": difference}
            | {"p_value": p_value}
        )
    corrected = holm(np.array([row["p_value"] for row in rows], np.float64))
    for row, p_holm in zip(rows, corrected, strict=True):
        row |= {"p_holm": p_holm, "distinguishable": p_holm < 0.05}
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS)).astype(PAIR_COLUMNS)
