"""A finished run in memory, and the selections of its results that several sections share.

Reads the files described in `evaluation/results/schema.py`; writes nothing.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import SCHEMES
from evaluation.results.files import read_arrays, read_manifest, read_table
from evaluation.results.schema import (
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    DISPUTED_ARRAYS,
    GALLERY_ARRAYS,
    NOT_APPLICABLE,
    PER_IMAGE_COLUMNS,
    REGION_ARRAYS,
    RESULT_COLUMNS,
    WORST_CASE,
)
from evaluation.results.select import headline_eps
from reports.words.text import eps_text


@dataclass(frozen=True, eq=False)
class Run:
    """The files of one run folder.

    Attributes:
        results: `RESULT_COLUMNS`, one figure a row.
        per_image: `PER_IMAGE_COLUMNS`.
        comparisons: `COMPARISON_COLUMNS`.
        checks: `CHECK_COLUMNS`.
        gallery: arrays of `GALLERY_ARRAYS`.
        disputed: arrays of `DISPUTED_ARRAYS`; empty when the run was made before they were kept.
        regions: arrays of `REGION_ARRAYS`; without regions in such a run, too.
        manifest: configuration, data, models, costs, environment.
    """

    results: pd.DataFrame
    per_image: pd.DataFrame
    comparisons: pd.DataFrame
    checks: pd.DataFrame
    gallery: dict[str, np.ndarray]
    disputed: dict[str, np.ndarray]
    regions: dict[str, np.ndarray]
    manifest: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Read a run folder.

        Raises:
            InputError: a file is missing or has another schema.
        """
        return cls(
            manifest=read_manifest(folder / "manifest.json"),
            results=read_table(folder / "results.parquet", RESULT_COLUMNS),
            per_image=read_table(folder / "per_image.parquet", PER_IMAGE_COLUMNS),
            comparisons=read_table(folder / "comparisons.parquet", COMPARISON_COLUMNS),
            checks=read_table(folder / "checks.parquet", CHECK_COLUMNS),
            gallery=read_arrays(folder / "gallery.npz", GALLERY_ARRAYS),
            disputed=_disputed(folder / "disputed.npz"),
            regions=_regions(folder / "regions.npz"),
        )

    @property
    def models(self) -> list[str]:
        """Model ids in the order of the manifest."""
        return list(self.manifest["models"])

    @property
    def label_sets(self) -> list[str]:
        """Label sets that results are given under, FER first."""
        found = set(self.results["label_set"]) - {""}
        return [name for name in SCHEMES if name in found] + sorted(found - set(SCHEMES))

    @property
    def norms(self) -> list[str]:
        """Norms that were attacked, linf first."""
        found = set(pick(self.results, metric="robust_accuracy")["norm"]) - {""}
        return sorted(found, key=lambda norm: (norm != "linf", norm))

    def own_label_set(self, model: str) -> str:
        """The label set a model was trained on; for a foreign scheme, the first one scored."""
        own, scored = self.manifest["models"][model]["label_set"], self._scored.get(model, set())
        if own in scored or not scored:
            return own
        return next(name for name in [*self.label_sets, own] if name in scored)

    @cached_property
    def _scored(self) -> dict[str, set[str]]:
        """Label sets that each model has figures under."""
        rows = self.results[self.results["label_set"] != ""]
        return rows.groupby("model")["label_set"].agg(set).to_dict()

    def models_of(self, label_set: str) -> list[str]:
        """Models whose own label set this is."""
        return [model for model in self.models if self.own_label_set(model) == label_set]


def _disputed(path: Path) -> dict[str, np.ndarray]:
    if path.exists():
        return read_arrays(path, DISPUTED_ARRAYS)
    return {"row": np.empty(0, np.int64), "image": np.empty((0, 1, 1, 1), np.uint8)}


def _regions(path: Path) -> dict[str, np.ndarray]:
    return read_arrays(path, REGION_ARRAYS) if path.exists() else {"name": np.empty(0, "<U5")}


def pick(results: pd.DataFrame, **conditions: Any) -> pd.DataFrame:
    """Rows where each column equals its value, or is one of its values; eps to within 1e-9."""
    keep = np.ones(len(results), dtype=bool)
    for column, wanted in conditions.items():
        if column == "eps":
            keep &= np.isclose(results["eps"].to_numpy(), wanted, atol=1e-9, rtol=0)
        elif isinstance(wanted, Sequence) and not isinstance(wanted, str):
            keep &= results[column].isin(wanted).to_numpy(dtype=bool)
        else:
            keep &= (results[column] == wanted).fillna(False).to_numpy(dtype=bool)
    return results[keep]


def clean_accuracy(results: pd.DataFrame, label_set: str, subset: str = "all") -> pd.DataFrame:
    """Clean accuracy rows of one label set, one a model."""
    return pick(results, label_set=label_set, subset=subset, perturbation="none", metric="accuracy")


def attacks(results: pd.DataFrame, norm: str) -> list[str]:
    """Attacks in a norm, without noise and worst case, in the order they stand."""
    rows = results[(results["norm"] == norm) & (results["metric"] == "robust_accuracy")]
    rows = rows[rows["status"] != NOT_APPLICABLE]
    return [name for name in rows["perturbation"].unique() if name not in ("noise", WORST_CASE)]


def limit_name(model: str, blind: Container[str]) -> str:
    """A model's name on a chart: after a less-or-equal sign where it is one of `blind`."""
    return f"\N{LESS-THAN OR EQUAL TO} {model}" if model in blind else model


def has_best_known(results: pd.DataFrame) -> bool:
    """Whether attacks from outside were verified against a model of the run."""
    return bool((results["metric"] == "best_known_accuracy").any())


def robust_accuracy(
    results: pd.DataFrame, label_set: str, norm: str, perturbation: str = WORST_CASE
) -> pd.DataFrame:
    """Robust accuracy rows, scored and attacked under one label set, sorted by eps."""
    rows = pick(
        results,
        label_set=label_set,
        attacked_labels=label_set,
        subset="all",
        norm=norm,
        perturbation=perturbation,
        metric="robust_accuracy",
    )
    return rows.sort_values(["model", "eps"], kind="stable")


@dataclass(frozen=True)
class Headline:
    """The one threat a verdict is about: per-image worst case at one norm and eps."""

    norm: str
    eps: float

    @property
    def text(self) -> str:
        """`4/255` for linf, `L2 0.5` otherwise."""
        prefix = "" if self.norm == "linf" else f"{norm_name(self.norm)} "
        return f"{prefix}{eps_text(self.eps, self.norm)}"


def norm_name(norm: str) -> str:
    """A norm for reading: `L\N{INFINITY}`, `L2`, `L1`."""
    return {"linf": "L\N{INFINITY}"}.get(norm, norm.upper())


def headline(results: pd.DataFrame) -> Headline | None:
    """The worst case in linf, else in another norm, at its `headline_eps`; None without attacks."""
    rows = pick(results, perturbation=WORST_CASE, metric="robust_accuracy")
    rows = rows[rows["eps"] > 0]
    if rows.empty:
        return None
    norm = min(rows["norm"].unique(), key=lambda norm: (norm != "linf", norm))
    return Headline(norm, headline_eps(rows.loc[rows["norm"] == norm, "eps"].tolist(), norm))
