"""Reliability checks between the sets of a run (R5, R6, R7, R8, R19, R21)."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import pandas as pd

from attacks.registry import ATTACKS
from attacks.square import Square
from datasets.base.percentages import share_in_percent
from datasets.labels import LabelScheme
from evaluation.checks.rules import Check, check
from evaluation.config import RunConfig
from evaluation.figures.images import Images
from evaluation.results.image_rows import ImageRows, Kind
from evaluation.results.schema import AWAY_FROM_HEADLINE, WORST_CASE
from evaluation.results.select import Headline

BLACK_BOX_SHARE = 0.002
ENSEMBLE_SHARE = 0.02
"""Share of faces that an ensemble's gradients alone may break at the headline eps, its only one: at
the others the curve of the other attacks may lie as much too high. A smooth robust net had 0.8 %
with a weaker curve than that of the tier standard."""
POSITIVE_CONTROL = 0.02
RISE = 0.01
AnsweredOnly = Mapping[tuple[str, str], Collection[int]]
"""By model and attacked labels: rows that an ensemble broke by queries, after its gradients had
failed. A missing key: no ensemble said so."""


def suite_checks(
    images: ImageRows,
    schemes: dict[str, LabelScheme],
    config: RunConfig,
    by_answers: AnsweredOnly | None = None,
) -> list[Check]:
    """Checks between sets of one model, and the positive control of each attacked label set."""
    checks, grids = _severity_checks(images, schemes), config.grids
    left: dict[str, dict[str, float]] = {}
    columns = ("row", "attacked_labels", "perturbation", "source", "smallest_eps")
    for model in schemes:
        attacked = images.pick(columns, model=model, kinds=[Kind.ATTACKED])
        for label_set, rows in attacked.groupby("attacked_labels", sort=False):
            table = rows.pivot(index="row", columns="perturbation", values="smallest_eps")
            own = set(rows[rows.source == model].perturbation)
            shared = min(grids[str(name)][-1] for name in table)
            flags = rows.assign(ran=True)
            ran = flags.pivot(index="row", columns="perturbation", values="ran").notna()
            searched = (by_answers or {}).get((model, str(label_set)))
            broken = table <= shared
            checks += _pair_checks(model, str(label_set), broken, ran, own, searched)
            wrong = (table == 0).any(axis=1)
            checks += _curve_check(model, str(label_set), broken, wrong, ran, config, searched)
            share = float((~(table <= config.eps[-1]).any(axis=1)).mean())
            left.setdefault(str(label_set), {})[model] = share
    for attacked_labels, shares in left.items():
        checks += _positive_control(attacked_labels, shares)
    return checks


def _positive_control(label_set: str, left: dict[str, float]) -> list[Check]:
    """R19: a failed control puts every model's worst case in doubt, so each model has a row.

    Args:
        label_set: label set that was attacked.
        left: share of faces robust at the largest eps, by model.
    """
    lowest = min(left.values())
    missing = lowest > POSITIVE_CONTROL
    words = "These settings reduce a model of this run to about 0 %, as they should."
    if missing:
        words = (
            "No model of this run was broken to about 0 at the largest eps, so a weak attack "
            "would look the same. Add an undefended model, or a larger eps."
        )
    return [
        check(
            model, "R19", "positive control", missing, lowest, POSITIVE_CONTROL, words,
            attacked_labels=label_set, perturbation=WORST_CASE,
        )
        for model in left
    ]  # fmt: skip


def _severity_checks(images: ImageRows, schemes: dict[str, LabelScheme]) -> list[Check]:
    """R21: over all corruptions, accuracy does not rise with severity."""
    checks = []
    for model, scheme in schemes.items():
        rows = images.corrupted(model)
        rows = rows[rows.severity.notna()]
        assert scheme.label_set is not None  # others are refused before anything is measured
        scored = Images(rows, scheme, scheme.label_set).scored()
        accuracy = scored.rows.assign(right=scored.right).groupby("severity").right.mean()
        if len(accuracy) < 2:
            continue
        rise = float(accuracy.diff().max())
        found = ", ".join(f"{share_in_percent(value, 1)} %" for value in accuracy)
        words = (
            f"Over all corruptions {found} of faces are classified correctly, from the lowest "
            "severity up."
        )
        checks.append(
            check(
                model, "R21", "severity hurts", rise > RISE, rise, RISE, words,
                perturbation="corruptions",
            )
        )  # fmt: skip
    return checks


def _pair_checks(
    model: str,
    label_set: str,
    broken: pd.DataFrame,
    ran: pd.DataFrame,
    own: set[str],
    searched: Collection[int] | None,
) -> list[Check]:
    """R5, R7, R8: one step, a search or noise breaks no face that all gradient attacks miss.

    Compared where both ran. An attack that also searches without gradients, as the ensemble
    does, is not compared with them, but what its search alone broke counts as broken by Square.
    Square counts on its own faces, too: they may be few, and its queries more. Where an ensemble
    is the only attack with gradients, these are compared with its search.

    Args:
        model: id of the attacked model.
        label_set: attacked labels.
        broken: bool, one row per face, one column per attack.
        ran: bool, the same shape: whether the attack was made on the face.
        own: attacks made on the model itself, not on its surrogates.
        searched: rows that an ensemble's search alone broke; None where no ensemble tells.
    """
    own_gradients = [name for name in broken if name in own and ATTACKS[name].needs_gradients]
    climbing = [name for name in own_gradients if not ATTACKS[name].by_answers]
    tables = [(broken, ran)]
    if searched is not None:
        ensembles = [*{*own_gradients} - {*climbing}]
        tables.append(_with_search(broken, ran, ensembles, searched))
        if not climbing:  # what an ensemble broke without its search, its gradients broke
            climbing = ensembles
            alone = broken.index.isin([*searched])
            without = {name: broken[name] & ~alone for name in ensembles}
            tables = [(table.assign(**without), seen) for table, seen in tables]
            broken = broken.assign(**without)
    checks = []
    for name, rule, words in (
        ("fgsm", "R5", "one gradient step"),
        (Square.name, "R7", "queries alone"),
        ("noise", "R8", "random noise"),
    ):
        others = [other for other in climbing if other != name]
        found = [_only(*table, name, others) for table in tables]
        only, count = max(found, key=lambda one: (one.share, one.faces))
        if not count:
            continue
        strongest = max(others, key=lambda other: (other != "fgsm", broken[other].sum()))
        whom = f"the gradients of {strongest}" if ATTACKS[strongest].by_answers else strongest
        limit = 0.0 if rule == "R5" else BLACK_BOX_SHARE
        checks.append(
            check(
                model, rule, f"{strongest} beats {name}", only > limit, only, limit,
                f"No more faces than expected are broken only by {words}."
                if only <= limit
                else f"{share_in_percent(only, 1)} % of {count} faces are broken by {words} but "
                f"not by {whom}: its gradients mislead it, and robust accuracy is overstated.",
                attacked_labels=label_set,
                perturbation=strongest,
            )
        )  # fmt: skip
    return checks


def _curve_check(
    model: str,
    label_set: str,
    broken: pd.DataFrame,
    wrong: pd.Series,
    ran: pd.DataFrame,
    config: RunConfig,
    searched: Collection[int] | None,
) -> list[Check]:
    """R6: the attacks along the curve break at the headline eps what attacks break there only.

    Those are the ensembles of a tier, or its other attacks with gradients where it has none. What
    an ensemble's search alone broke is left out: R7 compares that. Where the attacks along the
    curve leave too few faces for the check to fail, it is not made. For the arguments see
    `_pair_checks`; `wrong` are the faces that are misread without an attack.
    """
    whole = {eps for eps in config.eps if eps > 0}
    along = [name for name in broken if whole <= {*config.grids[str(name)]}]
    others = [name for name in broken if name not in along and ATTACKS[name].needs_gradients]
    ensembles = [name for name in others if ATTACKS[name].by_answers]
    if ensembles and searched is None:
        return []
    chosen = ensembles or others
    if not chosen:
        return []
    by_gradients = broken[chosen].any(axis=1) & ~broken.index.isin([*(searched or ())])
    there = ran[chosen].any(axis=1)
    tables = (
        broken.assign(there=by_gradients, along=broken[along].any(axis=1) | wrong),
        ran.assign(there=there, along=ran[along].any(axis=1) if along else there),
    )
    only, count = _only(*tables, "there", ["along"])
    left = there & ~tables[0].along
    if not count or left.sum() <= ENSEMBLE_SHARE * count:
        return []
    strongest = max(along or chosen, key=lambda name: broken[name].sum())
    top, name = Headline(config.norm, config.grids[chosen[0]][-1]).text, f"`{chosen[0]}`"
    words = (
        f"Of {count} faces the gradients of {name}, which ran at {top} alone, break "
        f"{share_in_percent(only, 1)} % there that no attack that ran at every eps breaks."
    )
    if flagged := only > ENSEMBLE_SHARE:
        words += (
            " So at every other eps robust accuracy is an upper bound: use --tier full, or a tier "
            f"of your own in which {name} has no `headline_only`."
        )
    return [
        check(
            model, "R6", AWAY_FROM_HEADLINE, flagged, only, ENSEMBLE_SHARE, words,
            attacked_labels=label_set, perturbation=strongest,
        )
    ]  # fmt: skip


class _Only(NamedTuple):
    """Share of the faces that two sides attacked that only the one breaks; how many they are."""

    share: float
    faces: int


def _only(broken: pd.DataFrame, ran: pd.DataFrame, name: str, others: list[str]) -> _Only:
    """What an attack breaks and no other does, where it and any of them ran."""
    if name not in broken or not others:
        return _Only(0.0, 0)
    both = ran[name] & ran[others].any(axis=1)
    if not both.any():
        return _Only(0.0, 0)
    alone = broken[name] & ~broken[others].any(axis=1)
    return _Only(float(alone[both].mean()), int(both.sum()))


def _with_search(
    broken: pd.DataFrame, ran: pd.DataFrame, ensembles: list[str], searched: Collection[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables with the search of ensembles among what Square broke, and where it ran.

    A face that gradients broke first was not searched; there is nothing for it to break alone.
    """
    alone = broken[ensembles].any(axis=1) & broken.index.isin([*searched])
    square = broken.get(Square.name, pd.Series(False, broken.index))
    everywhere = ran.get(Square.name, pd.Series(False, ran.index)) | ran[ensembles].any(axis=1)
    return broken.assign(**{Square.name: square | alone}), ran.assign(**{Square.name: everywhere})
