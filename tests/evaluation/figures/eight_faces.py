"""Eight faces, their labels and answers, whose every figure can be counted by hand."""

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import FER7, LabelScheme, LabelSet
from evaluation.figures.corruption import Baseline, errors_of
from evaluation.figures.every_figure import add_figures
from evaluation.figures.figure_rows import Figures
from evaluation.results.schema import ADDED_COLUMNS, PER_IMAGE_COLUMNS
from tests.evaluation.held_rows import HeldRows

HAPPY, SAD, NEUTRAL = 3, 4, 6
HAPPINESS, SADNESS, NEUTRAL_PLUS = 1, 3, 0
NAN = np.nan
GRID: tuple[float, ...] = (0.1, 0.2)
GRIDS: dict[str, tuple[float, ...]] = defaultdict(lambda: GRID, {"once": (0.1,)})
FER = [HAPPY] * 4 + [SAD] * 4
FERPLUS = [HAPPINESS] * 4 + [SADNESS, SADNESS, NEUTRAL_PLUS, -1]
CLEAN = [HAPPY, HAPPY, HAPPY, SAD, SAD, SAD, NEUTRAL, SAD]
"""Under FER right but for faces 3 and 6; under FER+ right but for face 3; face 7 has no label."""


def votes() -> list[np.ndarray]:
    """Nine votes for the FER+ label and one for surprise; faces 0 to 2: two of ten for sadness."""
    rows = np.zeros((8, 10), np.int64)
    for face, label in enumerate(FERPLUS):
        if label < 0:
            rows[face, [NEUTRAL_PLUS, SADNESS]] = 5
        else:
            rows[face, label] = 9
            rows[face, 2] = 1
    rows[:3] = 0
    rows[:3, HAPPINESS], rows[:3, SADNESS] = 8, 2
    return list(rows)


def logits(predictions: list[int], classes: int = 7) -> list[np.ndarray]:
    """Probability 1/2 for the prediction, the rest shared evenly."""
    rows = np.zeros((8, classes), np.float32)
    rows[np.arange(8), predictions] = np.log(classes - 1)
    return list(rows)


def image_rows(
    predictions: list[int], model: str = "net.fer", classes: int = 7, **columns: Any
) -> pd.DataFrame:
    clean = columns.pop("clean", predictions)
    values = {
        "row": np.arange(8) + 50,
        "model": model,
        "attacked_labels": "",
        "perturbation": "none",
        "source": "",
        "norm": "",
        "severity": pd.NA,
        "fer": FER,
        "ferplus": FERPLUS,
        "votes": votes(),
        "leaked": [True] + [False] * 7,
        "label": -1,
        "clean_prediction": clean,
        "prediction": predictions,
        "logits": logits(predictions, classes),
        "smallest_eps": NAN,
        "distance": NAN,
        "forward": 0,
        "backward": 0,
        **dict.fromkeys(ADDED_COLUMNS, NAN),
        **columns,
    }
    return pd.DataFrame(values).astype(PER_IMAGE_COLUMNS)


def attacked(predictions: list[int], smallest_eps: list[float], **columns: Any) -> pd.DataFrame:
    values = {
        "attacked_labels": "fer",
        "perturbation": "pgd",
        "source": columns.get("model", "net.fer"),
        "norm": "linf",
        "clean": CLEAN,
        "smallest_eps": smallest_eps,
        **columns,
    }
    return image_rows(predictions, **values)


PGD = attacked(
    [SAD, SAD, NEUTRAL, SAD, HAPPY, SAD, NEUTRAL, SAD], [0.1, 0.2, 0.2, 0, 0.1, NAN, 0, NAN]
)
"""Face 0 breaks at 0.1 to sad, 1 at 0.2 to sad, 2 at 0.2 to neutral, 4 at 0.1 to happy."""


def twice(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows and as many of second faces, equal to the first pixel for pixel."""
    copies = rows.assign(row=rows.row + 1000)
    return pd.concat([rows.assign(group=rows.row), copies.assign(group=rows.row)]).astype(
        PER_IMAGE_COLUMNS
    )


def summary(
    *parts: pd.DataFrame,
    schemes: dict[str, LabelScheme] | None = None,
    label_sets: tuple[LabelSet, ...] = tuple(LabelSet),
    baseline: str | None = None,
) -> pd.DataFrame:
    schemes = schemes or {"net.fer": FER7}
    images = HeldRows(pd.concat(parts, ignore_index=True))
    baselines = {}
    if baseline is not None:
        errors = errors_of(images.corrupted(baseline), schemes[baseline], LabelSet.FER)
        baselines[LabelSet.FER] = Baseline(baseline, errors)
    figures = Figures("PublicTest", 0)
    for model, scheme in schemes.items():
        rows, corrupted = images.of(model), images.corrupted(model)
        add_figures(figures, rows, corrupted, scheme, label_sets, GRIDS, baselines)
    return figures.frame()


def figure(results: pd.DataFrame, metric: str, **columns: object) -> pd.Series:
    rows = results[results.metric == metric]
    for name, value in {"subset": "all", **columns}.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 1, rows
    return rows.iloc[0]
