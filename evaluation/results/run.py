"""A finished run read back: tables as frames, arrays, configuration, the classes of its models.

Evaluation and reports both read runs through this. Not here: which rows of the results belong to a
figure (`evaluation/results/select.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from attacks.threat_model import parse_eps
from datasets.base.errors import InputError
from datasets.labels import SCHEMES, LabelScheme
from evaluation.config import RunConfig
from evaluation.results.files import read_arrays, read_manifest, read_table
from evaluation.results.image_rows import ImageRows, StoredRows
from evaluation.results.schema import (
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    DISPUTED_ARRAYS,
    FINGERPRINTS,
    GALLERY_ARRAYS,
    GAP_COLUMNS,
    GAPS,
    REGION_ARRAYS,
    RESULT_COLUMNS,
    TRANSFER_COLUMNS,
)
from evaluation.results.select import black_boxes, pick
from fer_models.identity import read_fingerprints, same_answers


@dataclass(frozen=True, eq=False, init=False)
class FinishedRun:
    """What `python -m evaluation.run` has written. Each file is read when it is first asked for.

    Every property raises `InputError` when its file is missing or has another schema.

    Attributes:
        folder: folder of the run.
    """

    folder: Path

    def __init__(self, folder: str | Path) -> None:
        object.__setattr__(self, "folder", Path(folder))

    @property
    def csv(self) -> Path:
        """`results.csv`, one figure per row."""
        return self.folder / "results.csv"

    @property
    def report(self) -> Path:
        """`index.html`, the report."""
        return self.folder / "index.html"

    def to_frame(self) -> pd.DataFrame:
        """A copy of `results`, for further work."""
        return self.results.copy()

    @cached_property
    def results(self) -> pd.DataFrame:
        """All figures, one per row: columns of `RESULT_COLUMNS`, see docs/results-schema.md."""
        return read_table(self.folder / "results.parquet", RESULT_COLUMNS)

    @cached_property
    def images(self) -> ImageRows:
        """The rows of all images, to be read model by model."""
        return StoredRows.of_run(self.folder)

    @property
    def per_image(self) -> pd.DataFrame:
        """One row per image, model and perturbation: `PER_IMAGE_COLUMNS`.

        All at once, read anew at each access; `images` reads those of one model.
        """
        return self.images.pick()

    @cached_property
    def transfer(self) -> pd.DataFrame:
        """Predictions for images made on other models: `TRANSFER_COLUMNS`; empty in older runs."""
        path = self.folder / "transfer.parquet"
        if not path.exists():
            return pd.DataFrame(columns=list(TRANSFER_COLUMNS)).astype(TRANSFER_COLUMNS)
        return read_table(path, TRANSFER_COLUMNS)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Paired tests between models: `COMPARISON_COLUMNS`."""
        return read_table(self.folder / "comparisons.parquet", COMPARISON_COLUMNS)

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Accuracies of groups of faces compared: `GAP_COLUMNS`; empty without `--groups`."""
        path = self.folder / GAPS
        if path.exists():
            return read_table(path, GAP_COLUMNS)
        return pd.DataFrame(columns=list(GAP_COLUMNS)).astype(GAP_COLUMNS)

    @cached_property
    def checks(self) -> pd.DataFrame:
        """Reliability checks: `CHECK_COLUMNS`."""
        return read_table(self.folder / "checks.parquet", CHECK_COLUMNS)

    @cached_property
    def gallery(self) -> dict[str, np.ndarray]:
        """Example faces of the report: `GALLERY_ARRAYS`."""
        return read_arrays(self.folder / "gallery.npz", GALLERY_ARRAYS)

    @cached_property
    def disputed(self) -> dict[str, np.ndarray]:
        """Faces with different FER and FER+ labels: `DISPUTED_ARRAYS`; empty in older runs."""
        path = self.folder / "disputed.npz"
        if path.exists():
            return read_arrays(path, DISPUTED_ARRAYS)
        return {"row": np.empty(0, np.int64), "image": np.empty((0, 1, 1, 1), np.uint8)}

    @cached_property
    def regions(self) -> dict[str, np.ndarray]:
        """Regions of the mean face: `REGION_ARRAYS`; no regions in older runs."""
        path = self.folder / "regions.npz"
        return read_arrays(path, REGION_ARRAYS) if path.exists() else {"name": np.empty(0, "<U5")}

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Configuration, data, models, costs, environment."""
        return read_manifest(self.folder / "manifest.json")

    @cached_property
    def fingerprints(self) -> dict[str, np.ndarray]:
        """Logits for fixed images by model, without those that changed; none in older runs."""
        path = self.folder / FINGERPRINTS
        found = read_fingerprints(path) if path.exists() else {}
        return {model: logits for model, logits in found.items() if logits.size}

    def is_same_model(self, model: str, other: "FinishedRun") -> bool:
        """Whether a model of this id had the same weights in another run, as far as both tell.

        A hash misses weights that code reads from elsewhere, and a service that was replaced.
        """
        models = self.manifest["models"], other.manifest["models"]
        one, two = (entries[model]["weights_sha256"] for entries in models)
        known = model in self.fingerprints and model in other.fingerprints
        return one == two and not (
            known and not same_answers(self.fingerprints[model], other.fingerprints[model])
        )

    @cached_property
    def config(self) -> RunConfig:
        """What was measured."""
        try:
            plain = dict(self.manifest["config"])
            plain["eps"] = self._grid(plain["eps"])
            return RunConfig.model_validate(plain)
        except (KeyError, TypeError, AttributeError, ValidationError) as error:
            raise InputError(
                f"{self.folder / 'manifest.json'}: expected the configuration of a run of this "
                f"version, found {' '.join(str(error).split())}. Run the evaluation again."
            ) from error

    def _grid(self, texts: Sequence[str]) -> tuple[float, ...]:
        """Eps as they were attacked with; older runs hold ten digits of them in the configuration.

        The smallest eps that breaks an image is one of these, and is compared with them.
        """
        attacked = [eps for made in self.manifest["perturbations"] for eps in made.get("grid", [])]
        grid = (parse_eps(text) for text in texts)
        return tuple(
            next((one for one in attacked if math.isclose(one, eps, rel_tol=1e-9)), eps)
            for eps in grid
        )

    @cached_property
    def schemes(self) -> dict[str, LabelScheme]:
        """Classes of each model, in the order of the run."""
        models = self.manifest["models"]
        return {model: self._scheme(model, entry) for model, entry in models.items()}

    @cached_property
    def measured(self) -> dict[str, LabelScheme]:
        """Those of `schemes` whose model classified the clean faces."""
        answered = set(self.images.models)
        return {model: scheme for model, scheme in self.schemes.items() if model in answered}

    @property
    def models(self) -> list[str]:
        """Model ids in the order of the manifest."""
        return list(self.manifest["models"])

    @property
    def black_boxes(self) -> set[str]:
        """Models without gradients, by the manifest; in older runs, those that lack an attack."""
        models = self.manifest["models"]
        if all("black_box" in entry for entry in models.values()):
            return {model for model, entry in models.items() if entry["black_box"]}
        return black_boxes(self.results)

    @property
    def label_sets(self) -> list[str]:
        """Label sets that figures are scored under, FER first."""
        found = set(self.results["label_set"]) - {""}
        return [name for name in SCHEMES if name in found] + sorted(found - set(SCHEMES))

    @property
    def label_names(self) -> dict[str, str]:
        """What tables call label sets that are named after the data; none in older runs."""
        return dict(self.manifest["data"].get("label_names", {}))

    def label_name(self, label_set: str) -> str:
        """What tables call a label set: the name of the data where it has one, else its own."""
        return self.label_names.get(label_set, label_set)

    @property
    def norms(self) -> list[str]:
        """Norms that were attacked, linf first."""
        found = set(pick(self.results, metric="robust_accuracy")["norm"]) - {""}
        return sorted(found, key=lambda norm: (norm != "linf", norm))

    def own_label_set(self, model: str) -> str:
        """The label set a model was trained on; where it has no figures, the first that has."""
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

    def _scheme(self, model: str, entry: dict[str, Any]) -> LabelScheme:
        classes = tuple(entry["classes"])
        for scheme in SCHEMES.values():
            if scheme.classes == classes:
                return scheme
        if len(set(classes)) == len(classes) > 1:
            scheme = LabelScheme("foreign", classes)
            if scheme.label_set is not None:
                return scheme
        raise InputError(
            f"{self.folder / 'manifest.json'}: {model}: expected classes of fer or ferplus, "
            f"found {', '.join(classes) or 'none'}. "
            "Run the evaluation again."
        )
