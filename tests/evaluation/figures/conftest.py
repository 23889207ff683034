"""Figures of eight faces: clean, under PGD on their FER labels, and on their FER+ labels."""

import pandas as pd
import pytest

from tests.evaluation.figures.eight_faces import (
    CLEAN,
    HAPPY,
    NAN,
    PGD,
    SAD,
    attacked,
    image_rows,
    summary,
)


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    under_ferplus = attacked(
        [SAD, HAPPY, HAPPY, SAD, SAD, SAD, HAPPY, SAD],
        [0.1, NAN, NAN, 0, NAN, NAN, 0.2, NAN],
        attacked_labels="ferplus",
    ).iloc[:7]
    return summary(image_rows(CLEAN), PGD, under_ferplus)
