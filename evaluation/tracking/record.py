"""What a tracker is told of a finished run: parameters, figures of each model, files.

Not here: a tracker (`evaluation/tracking/mlflow_server.py`).
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from attacks.threat_model import format_eps
from evaluation.comparing.boards import attack_texts
from evaluation.results.run import FinishedRun
from evaluation.tracking.headline import headline_figures

_FILES = ("index.html", "report.md", "manifest.json", "results.csv", "*.parquet", "per_image")
"""The report and all tables; neither attacked images nor the answers of services."""

_MANIFEST_CONFIG = ("tier", "split", "norm", "eps", "limit", "seed", "seeds", "labels", "precision")
_NOT_A_NAME = re.compile(r"[^\w. -]", re.ASCII)
"""Characters that MLflow refuses in the name of a metric, and the slash, which would nest it."""


@dataclass(frozen=True)
class ModelRecord:
    """One model of a run.

    Attributes:
        model: its id.
        parameters: what it is.
        metrics: finite figures by name: `fer/accuracy`, with `_low`, `_high` and `_n`.
        remarks: figures that are flagged, void or upper bounds, attacks that failed, and models
            that mCE is relative to; no entry where there is nothing to say.
    """

    model: str
    parameters: dict[str, str]
    metrics: dict[str, float]
    remarks: dict[str, str]


def run_parameters(run: FinishedRun) -> dict[str, str]:
    """Data, settings and versions of a run, as text."""
    data, config = run.manifest["data"], run.manifest["config"]
    found = {
        "data": data["name"],
        "faces": data["rows"],
        "data_sha256": data["sha256"],
        "generated_faces": data["generated"],
        **{name: config[name] for name in _MANIFEST_CONFIG if name in config},
        "attacks": attack_texts(run.config),
        "corruptions": config.get("corruptions", []),
        "severities": config.get("severities", []),
        "deadpan_version": run.manifest.get("deadpan_version", ""),
        "attack_version": run.manifest.get("code_version", ""),
    }
    return {name: _text(value) for name, value in found.items()}


def model_records(run: FinishedRun) -> Iterator[ModelRecord]:
    """Every model of a run with its headline figures.

    Figures that a failed check makes void are left out, and named in the remarks.
    """
    for model, entry in run.manifest["models"].items():
        facts = ("architecture", "label_set", "parameters", "black_box", "weights_sha256")
        parameters = {name: _text(entry[name]) for name in facts if entry.get(name) is not None}
        sound, void = headline_figures(run, model)
        metrics: dict[str, float] = {}
        for row in sound.itertuples():
            metrics |= _with_interval(metric_name(run, row), row)
        yield ModelRecord(
            model, {"model": model} | parameters, metrics, _remarks(run, model, sound, void)
        )


def metric_name(run: FinishedRun, row: Any) -> str:
    """`fer/accuracy`, `fer/robust_accuracy_linf_4-255`, `fer/noise_robust_accuracy_linf_4-255`.

    Only characters that MLflow takes.
    """
    prefix = "noise_" if row.perturbation == "noise" else ""
    size = f"_{row.norm}_{format_eps(row.eps)}" if row.norm and row.eps > 0 else ""
    if row.metric == "median_smallest_eps":  # over the whole grid
        size = f"_{row.norm}"
    labels = run.label_name(row.label_set)
    return "/".join(
        _NOT_A_NAME.sub("_", part.replace("/", "-")).strip(". ") or "_"
        for part in (labels, f"{prefix}{row.metric}{size}")
    )


def report_files(run: FinishedRun) -> list[Path]:
    """Report and tables of a run, in the order of `_FILES`."""
    return [path for name in _FILES for path in sorted(run.folder.glob(name))]


def _with_interval(name: str, row: Any) -> dict[str, float]:
    ends = {"": row.value, "_low": row.ci_low, "_high": row.ci_high, "_n": row.n}
    return {f"{name}{end}": float(value) for end, value in ends.items() if math.isfinite(value)}


def _remarks(
    run: FinishedRun, model: str, sound: pd.DataFrame, void: Mapping[str, list[str]]
) -> dict[str, str]:
    flagged = [metric_name(run, row) for row in sound[sound.status != "ok"].itertuples()]
    failed = run.results[(run.results.model == model) & (run.results.status == "error")]
    baselines = dict.fromkeys(sound.detail[sound.metric == "mce"])
    found = {
        "flagged": ", ".join(flagged),
        "void": "; ".join(f"{run.label_name(name)}: {', '.join(r)}" for name, r in void.items()),
        "failed": "; ".join(f"{row.perturbation}: {row.detail}" for row in failed.itertuples()),
        "mce_baseline": ", ".join(baselines),
        "upper_bound": "robust accuracy, no gradients" if model in run.black_boxes else "",
    }
    return {name: text for name, text in found.items() if text}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
