"""Rows of long frames, found by numbers in place of texts."""

import numpy as np
import pandas as pd
import pytest

from evaluation.results import column_codes, select
from evaluation.results.column_codes import MOST, has_any
from evaluation.results.select import LONG, pick

DRAWS = np.random.default_rng(0)


def frame(rows: int = LONG + 200, texts: int = 3) -> pd.DataFrame:
    """Rows with two columns of texts, some missing in the second, an eps and a whole number."""
    names = np.array([f"net{i}" for i in range(texts)], object)
    model, metric = names[DRAWS.integers(texts, size=(2, rows))]
    metric[::7] = None
    eps, n = DRAWS.choice([0.0, 0.1], rows), DRAWS.integers(3, size=rows)
    found = pd.DataFrame({"model": model, "metric": metric, "eps": eps, "n": n})
    return found.astype({"model": "string", "metric": "string"})


@pytest.mark.parametrize("texts", [1, 3, 127, 128, 129, 700])
@pytest.mark.parametrize(
    "conditions",
    [
        {"model": "net0"},
        {"model": "none of them", "metric": "net0"},
        {"model": ["net0", "net2", "none of them"], "eps": 0.1},
        {"model": [], "n": 1},
        {"metric": "net0", "model": ["net0"]},
        {"metric": ("net0", "net126", "net127", "net128", "net699")},
        {"model": "net126", "metric": ["net127"]},
    ],
)
def test_long_frames_have_the_rows_that_comparing_texts_finds(texts: int, conditions: dict) -> None:
    rows = frame(texts=texts)
    halves = [rows.iloc[: LONG // 2], rows.iloc[LONG // 2 : LONG - 1], rows.iloc[LONG - 1 :]]
    short = pd.concat(pick(part, **conditions) for part in halves)
    for _ in range(2):  # by remembered numbers too
        pd.testing.assert_frame_equal(pick(rows, **conditions), short)


def test_a_frame_that_was_changed_in_place_is_read_anew() -> None:
    rows = frame()
    before = pick(rows, model="net1")
    rows.loc[before.index[:5], "model"] = "net9"
    assert len(pick(rows, model="net1")) == len(before) - 5
    assert len(pick(rows, model="net9")) == 5
    rows["model"] = "net7"
    assert len(pick(rows, model="net7")) == len(rows)


def test_where_pandas_writes_into_the_same_array_nothing_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(select, "COPIES_ON_WRITE", False)
    monkeypatch.setattr(select, "has_any", None)
    rows = frame()
    assert set(pick(rows, model="net1").model) == {"net1"}


def test_texts_are_numbered_once_and_few_columns_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbered: list[pd.Series] = []
    given = pd.factorize

    def counted(column: pd.Series) -> object:
        numbered.append(column)
        return given(column)

    monkeypatch.setattr(column_codes.pd, "factorize", counted)
    rows = frame()
    for name in ("net0", "net1", "net2"):
        pick(rows, model=name, metric=["net0"])
    assert len(numbered) == 2
    columns = [frame(2).model for _ in range(MOST + 5)]
    for column in columns:
        has_any(column, ["net0"])
    assert len(column_codes._known) == MOST
