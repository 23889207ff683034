"""A run on 100x100 colour faces of another data set, through a grey and an RGB net, with groups."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.labels import FER7
from datasets.sample.faces import read_sample
from evaluation import evaluate
from tests.evaluation import tiny

NUMBERS = {"surprise": 1, "fear": 2, "disgust": 3, "happy": 4, "sad": 5, "angry": 6, "neutral": 7}
TIER = """
limit = 40
severities = [1]
corruptions = []
[eps]
linf = ["4/255"]
[[attacks]]
name = "noise"
"""


def write_raf(root: Path, count: int) -> None:
    """Generated faces in the layout of RAF-DB, tinted, and a table of two groups."""
    sample = read_sample()
    assert sample.fer is not None
    images = root / "Image" / "aligned"
    images.mkdir(parents=True)
    lines, groups = [], ["file,age"]
    for row in range(count):
        grey = Image.fromarray(sample.images[row * 7, ..., 0]).resize((100, 100))
        tinted = np.asarray(grey)[..., None] * np.array([1, 0.9, 0.8])
        name = f"test_{row:04d}"
        Image.fromarray(tinted.astype(np.uint8)).save(images / f"{name}_aligned.jpg")
        lines.append(f"{name}.jpg {NUMBERS[FER7.classes[sample.fer[row * 7]]]}")
        groups.append(f"Image/aligned/{name}_aligned.jpg,{'young' if row % 2 else 'old'}")
    (root / "list_patition_label.txt").write_text("\n".join(lines))
    (root.parent / "groups.csv").write_text("\n".join(groups))


@pytest.mark.slow
def test_colour_faces_go_through_nets_of_either_kind(tmp_path: Path) -> None:
    import keras

    write_raf(tmp_path / "raf", 40)
    (tmp_path / "tier.toml").write_text(TIER)
    net = keras.Sequential(
        [
            keras.Input((224, 224, 3)),
            keras.layers.AveragePooling2D(16),
            keras.layers.Flatten(),
            keras.layers.Dense(7),
        ]
    )
    contract = {"classes": FER7.classes, "height": 224, "width": 224, "channels": 3}
    contract |= {"low": 0.0, "high": 1.0, "output": "logits"}
    run = evaluate(
        [net, "simple_cnn.fer"],
        contract=contract,
        data=tmp_path / "raf",
        groups=tmp_path / "groups.csv",
        tier=tmp_path / "tier.toml",
        out=tmp_path / "run",
    )
    data = run.manifest["data"]
    assert (data["name"], data["size"], data["split"]) == ("RAF-DB", [100, 100, 3], "Test")
    clean = tiny.figures(run.results, "accuracy", perturbation="none").set_index("model").value
    assert clean["simple_cnn.fer"] > 0.4
    assert set(run.per_image.model) == set(run.models) and len(run.models) == 2
    subsets = set(run.results.subset)
    assert {"age:old", "age:young"} <= subsets
    page = run.report.read_text()
    assert "RAF-DB labels" in page and 'id="groups"' in page
