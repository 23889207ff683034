"""The probe finds the class order of a service that answers a list, and `--write` keeps it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, LabelSet
from fer_models.foreign.contract_file import known_contract, write_contract
from fer_models.foreign.formats import open_model
from fer_models.foreign.names import contract_path
from fer_models.foreign.probe_faces import probe_on
from fer_models.services.classifier import load_service
from tests.fer_models.services.server import serving, write_service

ORDER = (3, 1, 6, 0, 2, 5, 4)
"""Class at each place of the service's answer."""


def shares(images: list[np.ndarray]) -> Any:
    """The class stands in the brightness: 20 grey levels for each, every tenth face is wrong."""
    rows = []
    for image in images:
        level = float(image.mean())
        scores = -np.abs(level - 20 * np.arange(7) - 60) / 4
        found = np.exp(scores - scores.max())
        rows.append((found / found.sum())[list(ORDER)].tolist())
    return {"predictions": rows}


def faces() -> FaceSet:
    rng = np.random.default_rng(0)
    labels = np.arange(210) % 7
    shown = np.where(rng.random(210) < 0.1, rng.integers(0, 7, 210), labels)
    levels = (20 * shown + 60)[:, None, None, None] + rng.integers(-9, 10, (210, 8, 8, 1))
    images = levels.astype(np.uint8)
    return FaceSet("grey", Split.PUBLIC_TEST, images, np.arange(210), labels, None, None)


def test_the_order_is_found_and_written(tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "classes": None,
        "scores": "predictions[*]",
        "send": "pixels",
        "body": {"instances": ["$image"]},
        "batch": 32,
    }
    with serving(shares) as server:
        name = str(write_service(tmp_path, server, **fields))
        with pytest.raises(InputError, match="does not name the classes in the order"):
            load_service(name)
        found, _ = probe_on(open_model(name), faces(), 200, known_contract(name))
        assert found.file.classes == tuple(FER7.classes[place] for place in ORDER)
        assert (found.file.low, found.file.high, found.file.height) == (0, 255, 8)
        write_contract(found.file, contract_path(name))
        classifier = load_service(name)
        images, labels = faces().images[:40], faces().labels(LabelSet.FER).values[:40]
        right = classifier.predict(images.astype(np.float32) / 255) == labels
    assert right.mean() > 0.8 and classifier.scheme == FER7
    assert set(server.seen) >= {image.tobytes() for image in images}  # the levels themselves
