"""From a run's files to its tables: figures with their flags, and pairs of models.

The run itself and `evaluation.rescore` both use this module, so both write the same bytes.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from datasets.base.errors import InputError
from datasets.labels import LabelScheme, LabelSet
from evaluation.comparing.rivals import rivals_of
from evaluation.config import RunConfig
from evaluation.figures.comparisons import compare_models
from evaluation.figures.corruption import BASELINES, Baseline, errors_of
from evaluation.figures.gaps import subgroup_gaps
from evaluation.figures.groups import groups_of
from evaluation.figures.model_scores import Scoring
from evaluation.figures.power import power_figures
from evaluation.figures.seeds import read_seeds
from evaluation.figures.status import noise_alone, with_status, without_worst_case
from evaluation.figures.transfer import transfer_figures
from evaluation.results.files import write_table
from evaluation.results.image_rows import ImageRows
from evaluation.results.label_names import with_label_names
from evaluation.results.outside import read_outside
from evaluation.results.run import FinishedRun
from evaluation.results.schema import COMPARISON_COLUMNS, GAP_COLUMNS, GAPS, RESULT_COLUMNS
from evaluation.results.transfer_rows import transfer_cells
from fer_models.zoo import shipped_id


def write_scores(
    folder: Path,
    config: RunConfig,
    schemes: dict[str, LabelScheme],
    weights: dict[str, str],
    images: ImageRows,
    checks: pd.DataFrame,
    failed: list[dict[str, Any]],
    label_names: Mapping[str, str],
    processes: int = 1,
) -> None:
    """Write `comparisons.parquet`, `results.parquet` and `results.csv`.

    The rows of one model at a time are in the memory of a process, and of the transfer matrix those
    of a cell.

    Args:
        folder: folder of the run.
        config: config of the run.
        schemes: classes of each model that classified the clean faces.
        weights: hash of the weights of each of these models.
        images: the run's rows of images.
        checks: rows of `checks.parquet`.
        failed: entries of the manifest's `perturbations` that produced no images.
        label_names: names of label sets that are called after the data, for `results.csv`.
        processes: how many models are scored at once.
    """
    split, seed, groups = config.split, config.seed, groups_of(images.faces)
    baselines = _baselines(images, schemes, weights, config.labels)
    outside, repeated = read_outside(folder), read_seeds(folder)
    scoring = Scoring(
        images, schemes, baselines, outside, repeated, config.labels, config.grids, config.eps,
        split, seed,
    )  # fmt: skip
    scored = dict(zip(schemes, scoring.of_all([*schemes], processes), strict=True))
    failed = [*failed, *(entry for one in scored.values() for entry in one.impossible)]
    figures = _joined(one.figures for one in scored.values())
    unattacked = noise_alone(figures, failed)
    figures = without_worst_case(figures, unattacked)
    outcomes = {name: one.outcomes.without(name, unattacked) for name, one in scored.items()}
    rivals = rivals_of(with_status(figures, checks, failed, config), checks, schemes)
    comparisons = compare_models(
        outcomes, groups, schemes, config.labels, config.norm, config.eps, rivals
    )
    power = power_figures(figures, comparisons, outcomes, groups, split, seed)
    transfers = transfer_figures(transfer_cells(folder), groups, split, seed)
    by_name = [scored[model] for model in sorted(scored)]
    known, spread = ([one.known for one in by_name], [one.spread for one in by_name])
    figures = _joined([figures, power, transfers, *known, *spread])
    results = with_status(figures, checks, failed, config)
    gaps = subgroup_gaps(images.faces, outcomes, config.labels, config.norm, config.eps)
    if len(gaps):
        write_table(gaps, GAP_COLUMNS, folder / GAPS)
    else:  # of a run that is resumed without --groups
        (folder / GAPS).unlink(missing_ok=True)
    write_table(comparisons, COMPARISON_COLUMNS, folder / "comparisons.parquet")
    write_table(results, RESULT_COLUMNS, folder / "results.parquet")
    write_table(with_label_names(results, label_names), RESULT_COLUMNS, folder / "results.csv")


def _joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def _baselines(
    images: ImageRows,
    schemes: Mapping[str, LabelScheme],
    weights: Mapping[str, str],
    label_sets: Iterable[LabelSet],
) -> dict[LabelSet, Baseline]:
    """The baseline of each label set, where the run has it and corrupted images."""
    return {
        label_set: Baseline(model, errors_of(images.corrupted(model), schemes[model], label_set))
        for label_set in label_sets
        for model in schemes
        if shipped_id(weights[model]) == BASELINES.get(label_set)
    }


def rescore(run: FinishedRun, processes: int = 1) -> None:
    """Write the tables of a finished run again from its images, checks and manifest.

    Args:
        run: the run.
        processes: how many models are scored at once.

    Raises:
        InputError: a file is missing, or they do not belong together.
    """
    images = run.images
    unknown = sorted(set(images.models) - set(run.schemes))
    if unknown:
        raise InputError(
            f"{run.folder}: expected the models {', '.join(run.schemes)} of manifest.json, found "
            f"{', '.join(unknown)} in its rows of images. Run the evaluation again."
        )
    failed = [entry for entry in run.manifest["perturbations"] if entry["status"] != "ok"]
    weights = {name: model["weights_sha256"] for name, model in run.manifest["models"].items()}
    write_scores(
        run.folder,
        run.config,
        run.measured,
        weights,
        images,
        run.checks,
        failed,
        run.label_names,
        processes,
    )
