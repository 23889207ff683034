"""A tiny model, forty tiny faces and a small configuration: a whole run in seconds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from attacks.base import Attack, Keys
from attacks.threat_model import Norm
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, FERPLUS8, LabelScheme, LabelSet
from evaluation.config import AttackSettings, RunConfig
from evaluation.listener import Listener
from evaluation.results.files import read_table, write_manifest
from evaluation.results.schema import RESULT_COLUMNS
from evaluation.stages.pipeline import evaluate_run
from evaluation.tier_attacks import is_black_box
from evaluation.tiers import Tier
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap

SEARCH = (
    AttackSettings(name="noise"),
    AttackSettings.model_validate({"name": "square", "queries": 20}),
)
"""Attacks on a black box."""

SILENT = Listener(line=lambda _: None, chunk=lambda *_: None)


def classifier(
    scheme: LabelScheme = FER7, model_id: str = "tiny.fer", seed: int = 0
) -> KerasClassifier:
    keras.utils.set_random_seed(seed)
    images = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(4, -2)(images))
    x = keras.layers.Dense(16, activation="tanh")(x)
    model = keras.Model(images, keras.layers.Dense(scheme.num_classes)(x))
    return wrap(model, Contract(8, 8, 1, scheme), model_id=model_id)


def faces(count: int = 40) -> FaceSet:
    """Random faces; FER labels are what the tiny FER model answers for most of them."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
    fer = classifier().predict(images.astype(np.float32) / 255)
    fer[::5] = (fer[::5] + 1) % 7
    votes = np.zeros((count, 10), np.uint8)
    votes[np.arange(count), rng.integers(0, 8, count)] = 7
    votes[:, 8] = 3
    leaked = np.arange(count) % 8 == 0
    return FaceSet("toy", Split.PUBLIC_TEST, images, np.arange(count) + 100, fer, votes, leaked)


def config(**changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "split": Split.PUBLIC_TEST,
        "models": ("tiny.fer",),
        "labels": (LabelSet.FER, LabelSet.FERPLUS),
        "tier": Tier.SMOKE,
        "norm": Norm.LINF,
        "eps": (0.02, 0.1),
        "limit": None,
        "seed": 0,
        "severities": (1, 5),
        "corruptions": ("gaussian_noise",),
        "attacks": (
            AttackSettings(name="noise"),
            AttackSettings(name="fgsm"),
            AttackSettings.model_validate({"name": "pgd", "steps": 5}),
        ),
    }
    return RunConfig(**{**values, **changes})


def models() -> list[KerasClassifier]:
    return [classifier(), classifier(FERPLUS8, "tiny.ferplus", seed=1)]


def write_manifest_of(
    folder: Path,
    records: list[dict[str, Any]],
    run: RunConfig,
    classifiers: Sequence[Classifier] = (),
) -> None:
    """The manifest that the command writes beside a tiny run, as far as others read it."""
    data = faces()
    manifest = {
        "started": "2026-01-01T00:00:00+00:00",
        "deadpan_version": "0",
        "config": run.to_json(),
        "data": {
            "name": data.name,
            "split": data.split,
            "sha256": data.sha256,
            "rows": len(data),
            "generated": False,
            "notice": "",
            "labelled": {name: len(data) for name in data.label_sets},
        },
        "models": {
            model.id: {
                "label_set": model.scheme.name,
                "classes": list(model.scheme.classes),
                "parameters": None,
                "black_box": is_black_box(model),
                "weights_sha256": model.weights_sha256,
            }
            for model in classifiers or models()
        },
        "perturbations": records,
    }
    write_manifest(manifest, folder / "manifest.json")


def write_run(folder: Path, run: RunConfig) -> Path:
    """A whole tiny run with its manifest."""
    records = evaluate_run(run, faces(), models(), folder, None, SILENT)
    write_manifest_of(folder, records, run)
    return folder


def without_votes() -> FaceSet:
    """The same faces with FER labels only; whether they leaked is not known."""
    return replace(faces(), votes=None, leaked=None)


def results_of(folder: Path) -> pd.DataFrame:
    """Figures of a run."""
    return read_table(folder / "results.parquet", RESULT_COLUMNS)


def figures(results: pd.DataFrame, metric: str, **columns: object) -> pd.DataFrame:
    """Rows of a metric over all images, scored under the labels that were attacked."""
    rows = results[(results.metric == metric) & (results.subset == "all")]
    rows = rows[(rows.attacked_labels == "") | (rows.attacked_labels == rows.label_set)]
    for name, value in columns.items():
        rows = rows[rows[name] == value]
    return rows


def rows_attacked(monkeypatch: pytest.MonkeyPatch, attack: type[Attack], method: str) -> list[int]:
    """Row ids that an attack's method is called for, filled as it is called."""
    rows: list[int] = []
    original = getattr(attack, method)

    def listen(self: Attack, classifier: Any, images: Any, labels: Any, keys: Keys) -> Any:
        rows.extend(keys.row_ids)
        return original(self, classifier, images, labels, keys)

    monkeypatch.setattr(attack, method, listen)
    return rows
