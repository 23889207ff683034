"""A synthetic finished run: simulated predictions, drawn faces, the real writers."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from datasets.sample.faces import NAME
from evaluation.results.files import write_arrays, write_manifest, write_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import (
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    DISPUTED_ARRAYS,
    GALLERY_ARRAYS,
    REGION_ARRAYS,
    RESULT_COLUMNS,
)
from tests.evaluation.held_rows import HeldRows, write_rows
from tests.reports.fake_faces import disputed, gallery, regions
from tests.reports.fake_figures import score, truth_of
from tests.reports.wishes import GRID, USUAL, Wishes, classes_of


def write_run(folder: Path, wishes: Wishes = USUAL) -> Path:
    """Write a run folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    truth = truth_of(wishes.count, rng)
    rows: list[dict[str, Any]] = []
    per_image = []
    for model in wishes.models:
        for label_set in wishes.label_sets:
            figures, images = score(model, label_set, wishes, truth, rng)
            rows += figures
            per_image.append(images)
    results = pd.DataFrame(rows)
    write_table(results, RESULT_COLUMNS, folder / "results.parquet")
    key = ["model", "attacked_labels", "perturbation", "source", "norm", "severity", "row"]
    write_rows(pd.concat(per_image).drop_duplicates(key), folder)  # clean ones are the same
    write_table(_comparisons(wishes), COMPARISON_COLUMNS, folder / "comparisons.parquet")
    write_table(_checks(wishes), CHECK_COLUMNS, folder / "checks.parquet")
    write_arrays(gallery(wishes, truth, rng), GALLERY_ARRAYS, folder / "gallery.npz")
    write_arrays(disputed(wishes, truth), DISPUTED_ARRAYS, folder / "disputed.npz")
    write_arrays(regions(wishes), REGION_ARRAYS, folder / "regions.npz")
    write_manifest(_manifest(wishes), folder / "manifest.json")
    return folder


TABLES = (
    *("results", "comparisons", "checks", "gallery", "disputed", "regions"),
    "manifest",
)


def replace(run: FinishedRun, **tables: Any) -> FinishedRun:
    """The run with other tables in memory; nothing is written."""
    copy = FinishedRun(run.folder)
    rows = tables.pop("per_image", None)
    tables["images"] = run.images if rows is None else HeldRows(rows)
    vars(copy).update({name: getattr(run, name) for name in TABLES} | tables)
    return copy


def robust_first(run: FinishedRun) -> FinishedRun:
    """The first model of each label set withstands every attack, so it ranks first alone."""
    rows = run.per_image.copy()
    first = [run.models_of(label_set)[0] for label_set in run.label_sets]
    rows.loc[rows.model.isin(first) & (rows.attacked_labels != ""), "smallest_eps"] = np.nan
    return replace(run, per_image=rows)


def _comparisons(wishes: Wishes) -> pd.DataFrame:
    rows = []
    for label_set in wishes.label_sets:
        own = [model for model in wishes.models if model.endswith("." + label_set)]
        for first, second in pairwise(own):
            for perturbation, norm, eps in (
                ("none", "", 0.0),
                ("worst_case", wishes.norm, GRID[2]),
            ):
                rows.append(
                    {
                        "model_a": first,
                        "model_b": second,
                        "label_set": label_set,
                        "perturbation": perturbation,
                        "norm": norm,
                        "eps": eps,
                        "n": wishes.count,
                        "only_a_right": 12,
                        "only_b_right": 9,
                        "difference": 3 / wishes.count,
                        "p_value": 0.66,
                        "p_holm": 1.0,
                        "distinguishable": False,
                    }
                )
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def _checks(wishes: Wishes) -> pd.DataFrame:
    rows = []
    for model in wishes.models:
        for rule, check in (
            ("R2", "predicted again from disk"),
            ("R5", "pgd beats fgsm"),
            ("R8", "noise"),
        ):
            rows.append([model, "fer", "pgd", rule, check, "ok", 0.0, 0.0, "as expected"])
    if wishes.flagged:
        message = "doubling the steps broke 1.2 % more images: not converged"
        model = wishes.models[0]
        rows.append([model, "fer", "pgd", "R6", "converged", "flagged", 0.012, 0.005, message])
    if wishes.broken_model:
        message = "the attack made no gradient call"
        rows.append(
            [wishes.broken_model, "fer", "pgd", "R24", "gradient_calls", "error", 0, 1, message]
        )
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def _manifest(wishes: Wishes) -> dict[str, Any]:
    attacks = [
        {
            "perturbation": name,
            "norm": wishes.norm,
            "grid": [float(eps) for eps in GRID],
            "options": options,
            "attacked_labels": label_set,
            "model": model,
            "key": "0" * 64,
            "forward": wishes.count * 11,
            "backward": wishes.count * 10 if name != "noise" else 0,
            "seconds": 3.14,
            "chunks": 4,
            "reused_chunks": 0,
            "status": "error" if model == wishes.broken_model and name == "pgd" else "ok",
            "message": "loss is NaN" if model == wishes.broken_model and name == "pgd" else "",
        }
        for model in wishes.models
        for label_set in wishes.label_sets
        for name, options in (
            ("fgsm", {}),
            ("pgd", {"steps": 10, "restarts": 1, "step_size": 0.25}),
            ("noise", {}),
        )
    ]
    return {
        "deadpan_version": "0.1.0",
        "started": "2026-11-21T09:00:00+00:00",
        "seconds": 142.3,
        "peak_memory_mb": 2130.0,
        "command": "python -m evaluation.run --models starter --limit 400",
        "config": {
            "models": list(wishes.models),
            "labels": list(wishes.label_sets),
            "tier": "smoke",
            "eps": ["1/255", "2/255", "4/255"],
            "norms": [wishes.norm],
            "seed": 0,
            "limit": wishes.count,
        },
        "data": {
            "name": NAME if wishes.generated else "fer2013",
            "split": "PublicTest",
            "sha256": "ab" * 32,
            "rows": wishes.count,
            "leaked": 31,
            "generated": wishes.generated,
            "notice": "FER2013: see https://example.org <here>" if wishes.generated else "",
            "labelled": {
                name: wishes.count - 40 * (name == "ferplus") for name in wishes.label_sets
            },
        },
        "models": {
            model: {
                "architecture": model.partition(".")[0],
                "label_set": model.rpartition(".")[2],
                "classes": list(classes_of(model)),
                "parameters": 58_423 + 1000 * index,
                "weights_sha256": "cd" * 32,
                "card": {"recipe": "adam", "seed": 1},
            }
            for index, model in enumerate(wishes.models)
        },
        "perturbations": attacks,
        "environment": {"python": "3.12", "tensorflow": "2.21.0", "cpu": "2 cores"},
    }
