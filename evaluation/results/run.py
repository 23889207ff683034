"""A run folder read back: its tables as frames, its configuration, the classes of its models."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from attacks.threat_model import parse_eps
from datasets.base.errors import InputError
from datasets.labels import SCHEMES, LabelScheme
from evaluation.config import RunConfig
from evaluation.results.files import read_manifest, read_table
from evaluation.results.schema import (
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    PER_IMAGE_COLUMNS,
    RESULT_COLUMNS,
    TRANSFER_COLUMNS,
)


@dataclass(frozen=True)
class FinishedRun:
    """What `python -m evaluation.run` has written. Tables are read when they are asked for.

    Every property raises `InputError` when its file is missing or has another schema.

    Attributes:
        folder: of the run.
    """

    folder: Path

    @property
    def csv(self) -> Path:
        """`results.csv`, one figure a row."""
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
        """All figures, one a row: columns of `RESULT_COLUMNS`, see docs/results-schema.md."""
        return read_table(self.folder / "results.parquet", RESULT_COLUMNS)

    @cached_property
    def per_image(self) -> pd.DataFrame:
        """One line an image, model and perturbation: `PER_IMAGE_COLUMNS`."""
        return read_table(self.folder / "per_image.parquet", PER_IMAGE_COLUMNS)

    @cached_property
    def transfer(self) -> pd.DataFrame:
        """What models say of images made on others: `TRANSFER_COLUMNS`; empty in older runs."""
        path = self.folder / "transfer.parquet"
        if not path.exists():
            return pd.DataFrame(columns=list(TRANSFER_COLUMNS)).astype(TRANSFER_COLUMNS)
        return read_table(path, TRANSFER_COLUMNS)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Paired tests between models: `COMPARISON_COLUMNS`."""
        return read_table(self.folder / "comparisons.parquet", COMPARISON_COLUMNS)

    @cached_property
    def checks(self) -> pd.DataFrame:
        """Reliability checks: `CHECK_COLUMNS`."""
        return read_table(self.folder / "checks.parquet", CHECK_COLUMNS)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Configuration, data, models, costs, environment."""
        return read_manifest(self.folder / "manifest.json")

    @cached_property
    def config(self) -> RunConfig:
        """What was measured."""
        try:
            plain = dict(self.manifest["config"])
            plain["eps"] = tuple(parse_eps(text) for text in plain["eps"])
            return RunConfig.model_validate(plain)
        except (KeyError, TypeError, AttributeError, ValidationError) as error:
            raise InputError(
                f"{self.folder / 'manifest.json'}: expected the configuration of a run of this "
                f"version, found {' '.join(str(error).split())}. Run the evaluation again."
            ) from error

    @cached_property
    def schemes(self) -> dict[str, LabelScheme]:
        """Classes of each model, in the order of the run."""
        models = self.manifest["models"]
        return {model: self._scheme(model, entry) for model, entry in models.items()}

    @cached_property
    def measured(self) -> dict[str, LabelScheme]:
        """Those of `schemes` whose model did not die of the clean faces."""
        answered = set(self.per_image.model)
        return {model: scheme for model, scheme in self.schemes.items() if model in answered}

    def _scheme(self, model: str, entry: dict[str, Any]) -> LabelScheme:
        classes = tuple(entry["classes"])
        for scheme in SCHEMES.values():
            if scheme.classes == classes:
                return scheme
        raise InputError(
            f"{self.folder / 'manifest.json'}: {model}: expected the classes of fer or ferplus, "
            f"found {', '.join(classes) or 'none'}. "
            "Run the evaluation again."
        )
