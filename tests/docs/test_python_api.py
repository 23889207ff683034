"""The examples of `docs/python-api.md` that draw a chart and attack any classifier, as written."""

import re
from pathlib import Path
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from evaluation.results.image_rows import SPENT_COLUMNS
from evaluation.results.schema import PER_IMAGE_COLUMNS
from tests.reports.fake_run import write_run
from tests.reports.wishes import Wishes

PAGE = (Path(__file__).parents[2] / "docs" / "python-api.md").read_text()


def example(title: str) -> str:
    """The first example of a section."""
    return examples(PAGE.partition(f"## {title}\n")[2])[0]


def examples(text: str) -> list[str]:
    """All examples of a text."""
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def test_a_finished_run_is_read_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "runs" / "first", Wishes(corruptions=(), examples=0))
    monkeypatch.chdir(tmp_path)
    made, read = examples(PAGE.partition("## Charts\n")[0])
    names: dict[str, Any] = {}
    exec(read, names)
    exec(made.partition("\n\n")[2].partition("\n")[2], names)  # without the run that it starts
    run, model = names["run"], "simple_cnn.fer"
    assert run.folder == Path("runs/first")
    assert list(run.images.of(model)) == [
        name for name in PER_IMAGE_COLUMNS if name not in SPENT_COLUMNS
    ]
    assert list(run.images.pick(model=model)) == list(PER_IMAGE_COLUMNS)


def test_a_chart_is_drawn_as_written(tmp_path: Path) -> None:
    write_run(tmp_path, Wishes(corruptions=(), examples=0))
    names: dict[str, Any] = {"frame": pd.read_parquet(tmp_path / "results.parquet")}
    exec(example("Charts"), names)
    plt.close(names["figure"])
    assert "simple_cnn.fer" in {text.get_text() for text in names["axes"].get_legend().texts}


def test_any_keras_classifier_is_attacked_as_written() -> None:
    code = example("Attack any Keras or PyTorch classifier")
    shorter = code.replace(
        '"ensemble", Norm.LINF, 8 / 255, {}', '"pgd", Norm.LINF, 8 / 255, {"steps": 3}'
    )
    assert shorter != code
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    images = np.random.default_rng(0).random((8, 32, 32, 3), np.float32)
    normed = (images - (0.491, 0.482, 0.447)) / (0.247, 0.243, 0.262)
    labels = model.predict(normed, verbose=0).argmax(axis=1)  # all right before the attack
    names = {"model": model, "images": images, "labels": labels}
    exec(shorter, names)
    assert names["found"].success.all()  # a linear net of 3,072 inputs falls at 8/255
    assert np.abs(names["found"].images - images).max() <= 8 / 255 + 1e-6
    assert names["robust"].value == 0
