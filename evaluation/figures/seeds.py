"""Figures of repeated attacks: how much robust accuracy varies with the random seed.

Reads `seeds.parquet` of a run with `--seeds` above 1; other runs have none of these figures.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from datasets.base.percentages import share_in_percent
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.metrics.robustness import is_robust
from evaluation.results.files import read_table
from evaluation.results.schema import SEED_COLUMNS, SEEDS, UNMOVED, WORST_CASE
from evaluation.statistics.intervals import Interval


def read_seeds(folder: Path) -> pd.DataFrame:
    """Rows of `seeds.parquet`; none for a run with one seed."""
    if not (folder / SEEDS).exists():
        return pd.DataFrame(columns=list(SEED_COLUMNS)).astype(SEED_COLUMNS)
    return read_table(folder / SEEDS, SEED_COLUMNS)


def seed_figures(
    per_image: pd.DataFrame,
    repeated: pd.DataFrame,
    grids: Mapping[str, tuple[float, ...]],
    split: str,
    seed: int,
) -> pd.DataFrame:
    """Spread of robust accuracy over the seeds, for every attack and the worst case.

    Args:
        per_image: rows of `per_image`, the first seed.
        repeated: rows of `seeds.parquet`, the other seeds.
        grids: eps of each attack and of the worst case, ascending.
        split: split of the run.
        seed: first seed.

    Returns:
        Rows of `results.csv`: the largest minus the smallest robust accuracy, without an interval;
        `detail` names the seeds and their figures, or says that no draw changed anything. The worst
        case is over what ran with every seed, and `detail` names the attacks that it lacks.
    """
    figures = Figures(split, seed)
    if repeated.empty:
        return figures.frame()
    first = per_image[per_image.attacked_labels != ""].assign(seed=seed)[list(repeated.columns)]
    both = pd.concat([first, repeated], ignore_index=True)
    both["smallest_eps"] = both.smallest_eps.fillna(np.inf)
    for key, rows, lacking in _sets(both):
        of_seed = {int(s): part.smallest_eps for s, part in rows.groupby("seed")}
        if len(of_seed) < 2:
            continue
        unmoved = rows.groupby("row").smallest_eps.nunique().eq(1).all()
        for eps in grids[key["perturbation"]]:
            shares = {
                s: float(is_robust(found.to_numpy(), eps=eps).mean())
                for s, found in of_seed.items()
            }
            spread = max(shares.values()) - min(shares.values())
            told = _told(shares, unmoved)
            if lacking:
                told += f"; without {', '.join(lacking)} on faces where not every seed has it"
            value = Interval(spread, np.nan, np.nan, min(map(len, of_seed.values())))
            figures.add(key | {"eps": eps}, "all", "robust_accuracy_spread", value, told)
    return figures.frame()


def _told(shares: Mapping[int, float], unmoved: bool) -> str:
    """Robust accuracy by seed in words; a spread of 0 says whether any draw mattered at all."""
    if unmoved:
        share = share_in_percent(next(iter(shares.values())), 1)
        return (
            f"{UNMOVED}, {share} % robust with seeds {', '.join(map(str, shares))}: the attack "
            "draws nothing at random, or its draws change nothing"
        )
    return ", ".join(f"{share_in_percent(share, 1)} % with seed {n}" for n, share in shares.items())


def _sets(rows: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame, list[str]]]:
    """Key of the figures and rows, of each attack and of the worst case over those of all seeds.

    With the worst case come the attacks that are no part of it on some faces: they failed with a
    seed, or saw more faces with another one.
    """
    for (model, labels, norm), of_model in rows.groupby(["model", "attacked_labels", "norm"]):
        key = figure_key(model, labels, attacked_labels=labels, norm=norm)
        sets = of_model.groupby(["perturbation", "source"], sort=False)
        for (name, source), part in sets:
            # an attack may have seen more faces with one seed, as `all_faces_for_first` says
            seeds = part.groupby("row").seed.transform("nunique")
            every = part[seeds == part.seed.nunique()]
            yield key | {"perturbation": name, "source": source}, every, []
        seeds = of_model.groupby(["perturbation", "source", "row"]).seed.transform("nunique")
        whole = seeds == of_model.seed.nunique()
        worst = of_model[whole].groupby(["seed", "row"], as_index=False).smallest_eps.min()
        lacking = list(dict.fromkeys(of_model.perturbation[~whole]))
        yield key | {"perturbation": WORST_CASE, "source": model}, worst, lacking
