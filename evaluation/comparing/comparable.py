"""What two runs have in common, and why the rest of them is not comparable."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd

from attacks.threat_model import format_eps
from datasets.labels import LabelSet
from evaluation.comparing.uneven_sets import UnevenSet, uneven_sets
from evaluation.config import RunConfig
from evaluation.figures.corruption import BASELINES
from evaluation.figures.groups import coarsest
from evaluation.results.run import FinishedRun
from evaluation.results.schema import ALL_CORRUPTIONS, WORST_CASE


@dataclass
class Common:
    """What may be compared between two runs.

    Attributes:
        models: ids in both runs that classified the clean faces.
        label_sets: label sets that score both runs, with the same label for every shared face.
        norm: norm of the attacks; empty when it is not the same.
        attacks: attacks with the same settings and the eps above 0 up to which their grids are the
            same; `worst_case` among them when all attacks are the same.
        grids: eps of each run, which may differ in their last digits.
        same_faces: both runs measured exactly the same data.
        same_grid: attacks went through the same eps.
        same_severities: the corruptions have the same severities.
        same_corruptions: the same types, at the same severities.
        reweighted: models with different weights.
        uneven: sets that failed or differ for some models, see `uneven_sets.py`.
        rows: ids of the faces in both runs, with the same pixels as far as the runs tell.
        groups: group of each image by row id, the same for near duplicates.
        notes: what is not comparable and what else differs, one sentence each.
    """

    models: list[str] = field(default_factory=list)
    label_sets: list[LabelSet] = field(default_factory=list)
    norm: str = ""
    attacks: dict[str, list[float]] = field(default_factory=dict)
    grids: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    same_faces: bool = False
    same_grid: bool = False
    same_severities: bool = False
    same_corruptions: bool = False
    reweighted: set[str] = field(default_factory=set)
    uneven: list[UnevenSet] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    groups: pd.Series = field(default_factory=lambda: pd.Series(dtype=np.int64))
    notes: list[str] = field(default_factory=list)

    def attacks_on(self, model: str, label_set: LabelSet) -> dict[str, list[float]]:
        """Those of `attacks` made in the same way on a model; the worst case needs all (R24)."""
        lost = {
            name
            for one in self.uneven
            if (one.model, one.attacked_labels) == (model, label_set)
            for name in (one.perturbation, WORST_CASE)
        }
        return {name: grid for name, grid in self.attacks.items() if name not in lost}

    def averages_alike(
        self, model: str, label_set: LabelSet, perturbation: str, metric: str
    ) -> bool:
        """Whether the metric, if it is a mean, is over the same things in both runs."""
        if metric == "security_curve_area":
            return self.same_grid
        if metric not in ("mean_corruption_accuracy", "mce"):
            return True
        if perturbation != ALL_CORRUPTIONS:
            return self.same_severities
        baseline = BASELINES[label_set]
        needed = {"", model, baseline} if metric == "mce" else {"", model}
        lacking = {one.model for one in self.uneven if not one.attacked_labels}
        if metric == "mce" and baseline in self.reweighted:
            return False
        return self.same_corruptions and not needed & lacking


def in_common(before: FinishedRun, after: FinishedRun) -> Common:
    """Find what two runs share.

    Raises:
        InputError: a file of a run is missing or has another schema.
    """
    common = Common()
    one, two = before.manifest["data"], after.manifest["data"]
    names = [f"{data['name']} {data['split']}" for data in (one, two)]
    if names[0] != names[1]:
        common.notes.append(
            f"different faces, {names[1]} instead of {names[0]}: nothing is comparable"
        )
        return common
    common.same_faces = one["sha256"] == two["sha256"]
    common.rows, other_pixels = _shared_rows(before, after)
    if not common.same_faces:
        differing = f", and {other_pixels} with other pixels are left out" if other_pixels else ""
        common.notes.append(
            f"different data ({two['sha256'][:8]}, {two['rows']} faces, instead of "
            f"{one['sha256'][:8]}, {one['rows']}): only the {len(common.rows)} faces with row "
            f"numbers in both are compared{differing}, and no figure that is not counted face by "
            "face"
        )
    common.groups = coarsest([before.images.faces, after.images.faces])
    _circumstances(common, before, after)
    _label_sets(common, before, after)
    _attacks(common, before, after)
    _corruptions(common, before.config, after.config)
    _models(common, before, after)
    _uneven(common, before, after)
    return common


def _shared_rows(before: FinishedRun, after: FinishedRun) -> tuple[np.ndarray, int]:
    """Row ids of the faces in both runs, and how many more have other pixels."""
    one, two = (run.images.faces.set_index("row").pixels for run in (before, after))
    one, two = one.align(two, join="inner")
    same = ((one == two) | one.isna() | two.isna()).to_numpy(bool, na_value=True)
    return one.index[same].to_numpy(), int((~same).sum())


def _circumstances(common: Common, before: FinishedRun, after: FinishedRun) -> None:
    pairs: dict[str, tuple[Any, Any]] = {
        "version of Deadpan": (
            before.manifest.get("deadpan_version"),
            after.manifest.get("deadpan_version"),
        ),
        "seed": (before.config.seed, after.config.seed),
    }
    for name, (old, new) in pairs.items():
        if old != new:
            common.notes.append(f"different {name}, {new} instead of {old}")
    old, new = (run.manifest.get("code_version") for run in (before, after))
    if old != new:
        versions = " instead of ".join("unknown" if one is None else str(one) for one in (new, old))
        common.notes.append(
            f"different version of the attacks, {versions}: a robust accuracy may differ because "
            "its attack does, not the model"
        )


def _label_sets(common: Common, before: FinishedRun, after: FinishedRun) -> None:
    old, new = before.config.labels, after.config.labels
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new:
            where = before if name in old else after
            common.notes.append(
                f"only {where.folder} is scored under {where.label_name(name)} labels"
            )
            continue
        one, two = (_labels(run, name) for run in (before, after))
        differing = int((one[common.rows] != two[common.rows]).sum())
        if differing:
            common.notes.append(
                f"{before.label_name(name)} labels of {differing} faces differ: not comparable"
            )
        else:
            common.label_sets.append(name)


def _labels(run: FinishedRun, label_set: LabelSet) -> pd.Series:
    return run.images.faces.set_index("row")[label_set]


def _attacks(common: Common, before: FinishedRun, after: FinishedRun) -> None:
    """Grid and attacks; none in another norm."""
    old, new = before.config, after.config
    if old.norm != new.norm:
        common.notes.append(
            f"attacks in {new.norm} instead of {old.norm}: robust accuracies are not comparable"
        )
        return
    common.norm, common.grids = old.norm, (old.eps, new.eps)
    both = [eps for eps in old.eps if _holds(new.eps, eps)]
    alone = [eps for eps in sorted({*old.eps, *new.eps}) if not _holds(both, eps)]
    rising = [eps for eps in alone if eps > 0]
    if alone:
        note = f"different eps grid: only one run has {', '.join(map(format_eps, alone))}"
        if rising:
            note += (
                "; so areas under security curves are not comparable, nor are robust accuracies "
                f"from {format_eps(rising[0])} on, which count what breaks at the smaller eps of "
                "a grid too"
            )
        common.notes.append(note)
    common.same_grid = not rising
    settings = [
        {
            a.name: (a, config.grid_of(a) if config.norm in a.headline_only else ())
            for a in config.attacks
        }
        for config in (old, new)
    ]
    same = [name for name in settings[0] if settings[0][name] == settings[1].get(name)]
    other = [name for name in dict.fromkeys([*settings[0], *settings[1]]) if name not in same]
    grids = {
        name: _same_up_to(old.grids[name], new.grids[name])
        for name in (same if other else [*same, WORST_CASE])
    }
    common.attacks = {name: grid for name, grid in grids.items() if grid}
    if other:
        common.notes.append(
            f"{', '.join(other)}: only in one run, or with different settings; so the worst cases "
            "are over different attacks and not comparable"
        )


def _same_up_to(one: Sequence[float], two: Sequence[float]) -> list[float]:
    """Eps above 0 of two grids up to the first that differs.

    An image that breaks at an eps counts as broken at the larger ones, so beyond that eps one of
    the attacks had more tries.
    """
    pairs = zip(*([eps for eps in grid if eps > 0] for grid in (one, two)), strict=False)
    return [eps for eps, _ in takewhile(lambda pair: bool(np.isclose(*pair)), pairs)]


def _holds(grid: list[float] | tuple[float, ...], eps: float) -> bool:
    return any(np.isclose(eps, other) for other in grid)


def _corruptions(common: Common, old: RunConfig, new: RunConfig) -> None:
    """Types and severities that means are over."""
    common.same_severities = old.severities == new.severities
    alone = [name for name in (*old.corruptions, *new.corruptions) if _in_one(name, old, new)]
    common.same_corruptions = common.same_severities and not alone
    if alone:
        common.notes.append(
            f"different corruptions: only one run has {', '.join(alone)}; so means over all "
            "corruptions and mCE are not comparable"
        )
    if old.corruptions and new.corruptions and not common.same_severities:
        found = [", ".join(map(str, config.severities)) for config in (new, old)]
        common.notes.append(
            f"different severities of corruptions, {found[0]} instead of {found[1]}; so means over "
            "them and mCE are not comparable"
        )


def _in_one(corruption: str, old: RunConfig, new: RunConfig) -> bool:
    return (corruption in old.corruptions) != (corruption in new.corruptions)


def _models(common: Common, before: FinishedRun, after: FinishedRun) -> None:
    old, new = before.schemes, after.schemes
    for model in dict.fromkeys([*old, *new]):
        if model not in new or model not in old:
            where = before if model in old else after
            common.notes.append(f"{model} is only in {where.folder}")
            continue
        if old[model] != new[model]:
            common.notes.append(f"{model}: different classes, not comparable")
            continue
        if silent := [run for run in (before, after) if model not in run.measured]:
            common.notes.append(f"{model} made no predictions in {silent[0].folder}")
            continue
        common.models.append(model)
        if model in before.black_boxes | after.black_boxes and common.attacks:
            common.notes.append(
                f"{model} gives no gradients: its robust accuracies are upper bounds"
            )
        if not before.is_same_model(model, after):
            common.reweighted.add(model)
            one, two = (run.manifest["models"][model]["weights_sha256"] for run in (before, after))
            words = f"different weights, {two[:8]} instead of {one[:8]}"
            if one == two:
                words = "other logits for fixed images, though its files are the same"
            divides = "; so mCE, relative to it, is not comparable" if _is_baseline(model) else ""
            common.notes.append(f"{model}: {words}{divides}")


def _is_baseline(model: str) -> bool:
    return model in BASELINES.values()


def _uneven(common: Common, before: FinishedRun, after: FinishedRun) -> None:
    """Attacks and corruptions that failed or differ for some models; a note on each."""
    corruptions = {*before.config.corruptions} & {*after.config.corruptions}
    notes: dict[str, list[str]] = {}
    for one in uneven_sets(before, after):
        if one.model not in ("", *common.models):
            continue
        if one.perturbation in common.attacks and one.attacked_labels in common.label_sets:
            labels = before.label_name(one.attacked_labels)
            where, mean = f"{one.model} under {labels} labels", "worst case"
        elif one.perturbation in corruptions:
            every = " and every mCE, relative to it" if _is_baseline(one.model) else ""
            where, mean = f"{one.model or 'all models'}{every}", "mean over corruptions"
        else:
            continue  # what was left out before, and certificates
        common.uneven.append(one)
        note = f"{one.perturbation} {one.reason}: neither it nor the {mean} is comparable for"
        notes.setdefault(note, []).append(where)
    common.notes += [f"{note} {', '.join(found)}" for note, found in notes.items()]
