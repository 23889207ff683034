"""Figures of attacks: robust accuracy at each eps, for every attack and for their worst case.

An attack keeps one image of each face it breaks: the one at the smallest eps that broke it. At an
eps of the grid, a face has the prediction of that image if it broke by then, else of the clean one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.classes import confusion_figures, flow_figures, share_figures
from evaluation.figures.eight_bits import eight_bit_figures
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.images import Images, Strata, with_clean_logits
from evaluation.figures.reliability import reliability_figures, vote_figures
from evaluation.metrics import votes as vote_metrics
from evaluation.metrics.robustness import censored_eps, is_robust, security_curve_areas
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import headline_eps
from evaluation.statistics.intervals import quantile

_QUANTILES = {
    "lower_quartile_smallest_eps": 0.25,
    "median_smallest_eps": 0.5,
    "upper_quartile_smallest_eps": 0.75,
}

OF_CURVE = (*_QUANTILES, "security_curve_area")
"""Metrics of a whole curve; a row of one at the headline eps depends on the smaller eps too."""

_SIZES = {
    "linf": (0.0, 1.0),
    "l2": (0.0, np.inf),
    "l1": (0.0, np.inf),
    "ssim": (-1.0, 1.0),
    "cam_shift": (0.0, 1.0),
}
"""Columns of `per_image` whose medians are figures; the smallest and the largest value of each."""


def attack_figures(
    figures: Figures,
    rows: pd.DataFrame,
    clean: pd.DataFrame,
    scheme: LabelScheme,
    label_set: LabelSet,
    grids: Mapping[str, tuple[float, ...]],
) -> None:
    """Robust accuracy, success rate, flows and probabilities of every attack and the worst case.

    Args:
        figures: takes the rows.
        rows: rows of one model.
        clean: the clean ones among them.
        scheme: the model's classes.
        label_set: label set that was attacked and that scores.
        grids: eps of each attack and of the worst case, ascending.
    """
    attacked = rows[rows.attacked_labels == label_set]
    if attacked.empty:
        return
    attacked = with_clean_logits(attacked, clean)
    for key, part in attack_parts(attacked, label_set):
        images = Images(part, scheme, label_set).scored()
        grid = grids[key["perturbation"]]
        if grid == grids[WORST_CASE]:
            _curve_figures(figures, key, images, grid)
        for eps in grid:
            at = images.at(eps)
            _figures_at(figures, key | {"eps": eps}, at, eps)
    eight_bit_figures(figures, attacked, scheme, label_set, grids)


def attack_parts(
    attacked: pd.DataFrame, label_set: LabelSet
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Every attack of a model on one label set and, for each norm, their worst case.

    Args:
        attacked: rows of one model whose attacked labels are `label_set`.
        label_set: attacked and scoring label set, for the key.

    Yields:
        Key of the figures without eps, and their rows.
    """
    for norm, of_norm in attacked.groupby("norm", sort=False):
        model = of_norm.model.iloc[0]
        key = figure_key(model, label_set, attacked_labels=label_set, norm=norm)
        for (name, source), part in of_norm.groupby(["perturbation", "source"], sort=False):
            yield key | {"perturbation": name, "source": source}, part
        yield key | {"perturbation": WORST_CASE, "source": model}, worst_case(of_norm)


def worst_case(attacked: pd.DataFrame) -> pd.DataFrame:
    """The row, among those of several attacks, that broke each image at the smallest eps (R17)."""
    smallest = attacked.smallest_eps.fillna(np.inf)
    order = np.lexsort((np.arange(len(attacked)), smallest, attacked.row))
    return attacked.iloc[order].drop_duplicates("row")


def _curve_figures(
    figures: Figures, key: dict[str, Any], images: Images, grid: tuple[float, ...]
) -> None:
    """Figures of the whole sweep, in rows of its largest eps."""
    key = key | {"eps": grid[-1]}
    broken = censored_eps(images.smallest_eps)
    effective = images.effective(images.smallest_eps != 0)
    for name, share in _QUANTILES.items():
        found = quantile(broken, share, effective=effective)
        figures.add(key, "all", name, found._replace(low=max(found.low, 0.0)))
    area_figures(figures, key, images, grid, images.strata)


def area_figures(
    figures: Figures,
    key: dict[str, Any],
    images: Images,
    grid: tuple[float, ...],
    strata: Strata,
) -> None:
    """Area under the security curve, of the worst case also up to the headline eps.

    Args:
        figures: takes the rows.
        key: key of the figures; eps is filled in.
        images: images of the attack.
        grid: its eps, ascending.
        strata: subsets of the images to add an area for.
    """
    rising = [eps for eps in grid if eps > 0]
    top = headline_eps(rising, key["norm"])
    ends = {grid[-1], top} if key["perturbation"] == WORST_CASE else {grid[-1]}
    for end in sorted(ends - {0.0}):
        areas = security_curve_areas(
            images.smallest_eps, eps_grid=[eps for eps in rising if eps <= end]
        )
        figures.add_means(
            key | {"eps": end}, strata, "security_curve_area", areas, groups=images.groups
        )


def _figures_at(figures: Figures, key: dict[str, Any], at: Images, eps: float) -> None:
    robust = is_robust(at.smallest_eps, eps=eps)
    before = at.smallest_eps != 0
    share_figures(figures, key, at, robust, "robust_accuracy", "robust_recall")
    for subset, mask in [*at.strata, *at.classes]:
        rate = at.share(~robust, mask & before)
        figures.add(key, subset, "attack_success_rate", rate)
    _size_figures(figures, key, at, before & ~robust)
    if key["source"] == key["model"]:
        confusion_figures(figures, key, at)
    if key["perturbation"] == WORST_CASE:
        flow_figures(figures, key, at, before & ~robust)
        reliability_figures(figures, key, at)
        _flip_figures(figures, key, at, before & ~robust)
        if at.label_set == LabelSet.FERPLUS:
            vote_figures(figures, key, at)


def _size_figures(figures: Figures, key: dict[str, Any], at: Images, broken: np.ndarray) -> None:
    """Medians of the changes over the broken images; no row where nothing was measured.

    Only one attack has explanations, so the worst case has no median of them.
    """
    for name, (smallest, largest) in _SIZES.items():
        if name == "cam_shift" and key["perturbation"] == WORST_CASE:
            continue
        sizes = at.rows[name].to_numpy(np.float64)
        known = broken & ~np.isnan(sizes)
        if known.any():
            found = quantile(sizes[known], 0.5, effective=at.effective(known))
            found = found._replace(low=max(found.low, smallest), high=min(found.high, largest))
            figures.add(key, "all", f"median_{name}", found)


def _flip_figures(figures: Figures, key: dict[str, Any], at: Images, broken: np.ndarray) -> None:
    """Flips to an emotion that annotators saw in the face too, apart from flips to any other."""
    if at.votes is None:
        return
    seen = vote_metrics.plausible(at.votes, at.predictions, at.scheme)
    before = at.smallest_eps != 0
    for subset, mask in at.strata:
        figures.add(key, subset, "plausible_flip", at.share(seen, mask & broken))
        rate = at.share(broken & ~seen, mask & before)
        figures.add(key, subset, "implausible_success_rate", rate)
