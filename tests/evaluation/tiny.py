"""A tiny model, forty tiny faces and a small configuration: a whole run in seconds."""

from typing import Any

import keras
import numpy as np

from attacks.threat_model import Norm
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, FERPLUS8, LabelScheme, LabelSet
from evaluation.config import AttackSettings, RunConfig, Tier
from evaluation.pipeline import Listener
from fer_models.classifier import KerasClassifier, wrap
from fer_models.contract import Contract

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
