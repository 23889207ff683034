"""Figures of corruptions: accuracy by type and severity, and errors relative to a baseline."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from datasets.labels import NO_LABEL, LabelScheme, LabelSet
from evaluation.figures.classes import share_figures
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.groups import groups_of, shared
from evaluation.figures.images import Images
from evaluation.metrics.corruption_errors import corruption_errors, relative_corruption_errors
from evaluation.results.schema import ALL_CORRUPTIONS
from evaluation.statistics.intervals import Interval, percentile_interval, resampled_means

BASELINES = {LabelSet.FER: "simple_cnn.fer", LabelSet.FERPLUS: "simple_cnn.ferplus"}
"""Shipped model whose errors divide those of all models of a run; recognised by its weights."""


class Baseline(NamedTuple):
    """The model of a run with the weights of `BASELINES`, and its errors, see `errors_of`."""

    model: str
    errors: pd.DataFrame


def corruption_figures(
    figures: Figures,
    model: str,
    clean: pd.DataFrame,
    corrupted: pd.DataFrame,
    scheme: LabelScheme,
    label_set: LabelSet,
    baseline: Baseline | None,
) -> None:
    """Accuracy under each corruption, and the errors of all relative to a baseline.

    Args:
        figures: takes the rows.
        model: id of the model.
        clean: clean rows of the model.
        corrupted: its rows of `ImageRows.corrupted`.
        scheme: its classes.
        label_set: labels that score.
        baseline: errors of the model with the weights of `BASELINES`; None if the run lacks it.
    """
    if corrupted.severity.isna().all():
        return
    wrong = errors_of(corrupted, scheme, label_set)
    _accuracy_figures(figures, model, Images(clean, scheme, label_set).scored(), wrong)
    groups = groups_of(clean)
    _mean_figures(figures, model, label_set, wrong, shared(groups, wrong.index))
    if baseline is not None:
        _relative_figures(figures, model, label_set, wrong, baseline, groups)
        return
    nothing = Interval(np.nan, np.nan, np.nan, 0)
    for metric in ("mce", "relative_mce"):
        figures.add(
            _key(model, label_set),
            "all",
            metric,
            nothing,
            f"needs {BASELINES[label_set]} in the run",
        )


def _key(model: str, label_set: LabelSet, perturbation: str = ALL_CORRUPTIONS) -> dict:
    return figure_key(model, label_set, perturbation=perturbation, eps=np.nan)


def errors_of(corrupted: pd.DataFrame, scheme: LabelScheme, label_set: LabelSet) -> pd.DataFrame:
    """Errors 0 or 1 by row number; columns (type, severity), and ("none", 0) for clean.

    No rows where the model knows none of the labels.
    """
    images = Images(corrupted, scheme, label_set)
    table = pd.DataFrame(
        {
            "row": corrupted.row.to_numpy(),
            "type": corrupted.perturbation.to_numpy(object),
            "severity": corrupted.severity.fillna(0).to_numpy(np.int64),
            "wrong": (~images.right).astype(np.float64),
        }
    )
    kinds = list(dict.fromkeys(zip(table.type, table.severity, strict=True)))
    scored = table[images.truth_as_model != NO_LABEL]
    wide = scored.pivot(index="row", columns=["type", "severity"], values="wrong")
    return wide.reindex(columns=pd.MultiIndex.from_tuples(kinds, names=["type", "severity"]))


def _types(wrong: pd.DataFrame) -> list[str]:
    return [name for name in dict.fromkeys(wrong.columns.get_level_values(0)) if name != "none"]


def _accuracy_figures(figures: Figures, model: str, clean: Images, wrong: pd.DataFrame) -> None:
    """Accuracy under each corruption and severity in every subset of the clean images."""
    wrong = wrong.reindex(clean.rows.row)
    for name, severity in sorted(set(wrong.columns) - {("none", 0)}):
        key = _key(model, clean.label_set, name) | {"severity": severity}
        errors = wrong[name, severity].to_numpy()
        known = ~np.isnan(errors)
        images = clean if known.all() else clean.take(known)
        share_figures(figures, key, images, errors[known] == 0, "accuracy", "recall")


def _mean_figures(
    figures: Figures,
    model: str,
    label_set: LabelSet,
    wrong: pd.DataFrame,
    groups: np.ndarray | None,
) -> None:
    """Accuracy averaged over severities, of each type and of all."""
    metric = "mean_corruption_accuracy"
    strata = [("all", np.ones(len(wrong), bool))]
    each = {name: 1 - wrong[name].mean(axis=1).to_numpy() for name in _types(wrong)}
    for name, values in each.items():
        figures.add_means(_key(model, label_set, name), strata, metric, values, groups=groups)
    every = np.mean(list(each.values()), axis=0)
    figures.add_means(_key(model, label_set), strata, metric, every, groups=groups)


def _relative_figures(
    figures: Figures,
    model: str,
    label_set: LabelSet,
    wrong: pd.DataFrame,
    baseline: Baseline,
    groups: pd.Series,
) -> None:
    """Corruption errors of each type and their means, on the images both models are scored on."""
    base = baseline.errors
    columns = [column for column in wrong.columns if column in set(base.columns)]
    rows = wrong.index.intersection(base.index)
    wrong, base = wrong.loc[rows, columns], base.loc[rows, columns]
    values = np.hstack([wrong.to_numpy(), base.to_numpy()])
    means = values.mean(axis=0) if len(values) else np.full(values.shape[1], np.nan)
    drawn = resampled_means(values, seed=figures.seed, groups=shared(groups, rows))
    types = _types(wrong)
    of_type = {name: [i for i, column in enumerate(columns) if column[0] == name] for name in types}
    clean = columns.index(("none", 0))

    def error(names: list[str], relative: bool) -> Interval:
        own = [clean, *(place for name in names for place in of_type[name])]
        places = [*own, *(len(columns) + place for place in own)]
        sizes = [len(of_type[name]) for name in names]
        mean = partial(_mean_error, sizes=sizes, relative=relative)
        return percentile_interval(float(mean(means[places])), mean(drawn[:, places]), len(values))

    for relative, name in ((False, "corruption_error"), (True, "relative_corruption_error")):
        for kind in types:
            key = _key(model, label_set, kind)
            figures.add(key, "all", name, error([kind], relative), baseline.model)
        metric = "relative_mce" if relative else "mce"
        figures.add(_key(model, label_set), "all", metric, error(types, relative), baseline.model)


def _mean_error(means: np.ndarray, *, sizes: list[int], relative: bool) -> np.ndarray:
    """Mean over types of their (relative) corruption errors.

    Args:
        means: errors (..., 2 (1 + S)): clean and each type's severities, then the baseline's.
        sizes: severities of each type.
        relative: subtract the clean errors first.
    """
    half = means.shape[-1] // 2
    total = np.zeros(means.shape[:-1])
    start = 1
    for size in sizes:
        own = means[..., None, start : start + size]
        base = means[..., None, half + start : half + start + size]
        if relative:
            error = relative_corruption_errors(own, means[..., 0], base, means[..., half])
        else:
            error = corruption_errors(own, base)
        total = total + error[..., 0]
        start += size
    return total / len(sizes)
