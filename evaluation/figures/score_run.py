"""From a run's files to its tables: figures with their flags, and pairs of models.

The run itself and `evaluation.rescore` both use this module, so both write the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from datasets.base.errors import InputError
from datasets.labels import LabelScheme
from evaluation.comparing.rivals import rivals_of
from evaluation.config import RunConfig
from evaluation.figures.best_known import best_known_figures
from evaluation.figures.comparisons import compare_models
from evaluation.figures.corruption import BASELINES
from evaluation.figures.every_figure import summarise
from evaluation.figures.gaps import subgroup_gaps
from evaluation.figures.groups import groups_of
from evaluation.figures.impossible import without_impossible
from evaluation.figures.power import power_figures
from evaluation.figures.seeds import read_seeds, seed_figures
from evaluation.figures.status import with_status
from evaluation.figures.transfer import transfer_figures
from evaluation.results.files import write_table
from evaluation.results.label_names import with_label_names
from evaluation.results.outside import read_outside
from evaluation.results.run import FinishedRun
from evaluation.results.schema import COMPARISON_COLUMNS, GAP_COLUMNS, GAPS, RESULT_COLUMNS
from fer_models.zoo import shipped_id


def write_scores(
    folder: Path,
    config: RunConfig,
    schemes: dict[str, LabelScheme],
    weights: dict[str, str],
    per_image: pd.DataFrame,
    transfer: pd.DataFrame,
    checks: pd.DataFrame,
    failed: list[dict[str, Any]],
    label_names: Mapping[str, str],
) -> None:
    """Write `comparisons.parquet`, `results.parquet` and `results.csv`.

    Args:
        folder: folder of the run.
        config: config of the run.
        schemes: classes of each model that classified the clean faces.
        weights: hash of the weights of each of these models.
        per_image: rows of `per_image.parquet`.
        transfer: rows of `transfer.parquet`.
        checks: rows of `checks.parquet`.
        failed: entries of the manifest's `perturbations` that produced no images.
        label_names: names of label sets that are called after the data, for `results.csv`.
    """
    groups = groups_of(per_image)
    per_image, impossible = without_impossible(per_image, schemes, config.labels, config.grids)
    failed = [*failed, *impossible]
    baselines = {
        label_set: model
        for label_set, shipped in BASELINES.items()
        for model in schemes
        if shipped_id(weights[model]) == shipped
    }
    figures = summarise(
        per_image, schemes, config.labels, config.grids, config.split, config.seed, baselines
    )
    rivals = rivals_of(with_status(figures, checks, failed, config), checks, schemes)
    comparisons = compare_models(per_image, schemes, config.labels, config.norm, config.eps, rivals)
    power = power_figures(figures, comparisons, per_image, schemes, config.split, config.seed)
    transfers = transfer_figures(transfer, groups, config.split, config.seed)
    figures = pd.concat([figures, power, transfers], ignore_index=True)
    known = best_known_figures(
        per_image, read_outside(folder), schemes, config.eps, config.split, config.seed
    )
    repeated = read_seeds(folder)
    spread = seed_figures(per_image, repeated, config.grids, config.split, config.seed)
    figures = pd.concat([figures, known, spread], ignore_index=True)
    results = with_status(figures, checks, failed, config)
    gaps = subgroup_gaps(per_image, schemes, config.labels, config.norm, config.eps)
    if len(gaps):
        write_table(gaps, GAP_COLUMNS, folder / GAPS)
    write_table(comparisons, COMPARISON_COLUMNS, folder / "comparisons.parquet")
    write_table(results, RESULT_COLUMNS, folder / "results.parquet")
    write_table(with_label_names(results, label_names), RESULT_COLUMNS, folder / "results.csv")


def rescore(run: FinishedRun) -> None:
    """Write the tables of a finished run again from its images, checks and manifest.

    Raises:
        InputError: a file is missing, or they do not belong together.
    """
    per_image = run.per_image
    unknown = sorted(set(per_image.model) - set(run.schemes))
    if unknown:
        raise InputError(
            f"{run.folder}: expected the models {', '.join(run.schemes)} of manifest.json, found "
            f"{', '.join(unknown)} in per_image.parquet. Run the evaluation again."
        )
    failed = [entry for entry in run.manifest["perturbations"] if entry["status"] != "ok"]
    weights = {name: model["weights_sha256"] for name, model in run.manifest["models"].items()}
    write_scores(
        run.folder,
        run.config,
        run.measured,
        weights,
        per_image,
        run.transfer,
        run.checks,
        failed,
        run.label_names,
    )
