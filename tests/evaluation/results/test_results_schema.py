"""docs/results-schema.md lists exactly the columns that `evaluation/results/schema.py` fixes."""

import re
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

from datasets.base.errors import InputError
from evaluation.checks.rules import Rank, Rule
from evaluation.comparing.boards import BOARD_COLUMNS
from evaluation.comparing.changes import CHANGE_COLUMNS
from evaluation.figures.figure_rows import Figures
from evaluation.metrics.table import METRICS, markdown
from evaluation.results.files import read_table
from evaluation.results.schema import (
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    DISPUTED_ARRAYS,
    GALLERY_ARRAYS,
    GAP_COLUMNS,
    OUTSIDE_COLUMNS,
    PER_IMAGE_COLUMNS,
    REGION_ARRAYS,
    RESULT_COLUMNS,
    TRANSFER_COLUMNS,
)
from evaluation.statistics.intervals import Interval
from tests.evaluation.figures.eight_faces import CLEAN, PGD, image_rows, summary

PAGE = Path(__file__).parents[3] / "docs" / "results-schema.md"


def documented(section: str) -> dict[str, str]:
    """Column and dtype of the first table of a section, in order."""
    text = PAGE.read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    table = text.split("| column |")[1].split("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE))


@pytest.mark.parametrize(
    ("section", "columns"),
    [
        ("results.csv and results.parquet", RESULT_COLUMNS),
        ("per_image", PER_IMAGE_COLUMNS),
        ("transfer.parquet", TRANSFER_COLUMNS),
        ("comparisons.parquet", COMPARISON_COLUMNS),
        ("checks.parquet", CHECK_COLUMNS),
        ("outside/NAME.parquet", OUTSIDE_COLUMNS),
        ("gaps.parquet", GAP_COLUMNS),
        ("compare --out FILE.csv", CHANGE_COLUMNS),
        ("leaderboard --out FILE.csv", BOARD_COLUMNS),
    ],
)
def test_page_lists_the_columns_in_order(section, columns):
    assert list(documented(section).items()) == list(columns.items())


def test_page_lists_the_metrics_in_order():
    text = PAGE.read_text().split("| metric |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(METRICS)
    assert "| metric |" + text + "\n" == markdown()


def test_page_says_which_figures_of_votes_are_of_ferplus_labels_alone():
    """The rows hold an attack under FER labels, so that a figure of both has some under FER."""
    rows = summary(image_rows(CLEAN), PGD)
    both = set(rows.metric[rows.label_set == "fer"])
    alone = set(rows.metric[rows.label_set == "ferplus"]) - both - {"label_gap"}
    (told,) = re.findall(r"^Agreement with votes \((.*?)\) has", PAGE.read_text(), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", told)) == alone
    assert {"plausible_flip", "implausible_success_rate"} <= both


def rules(words: str) -> set[str]:
    """Ids in a list such as `R2, R5 to R7 or R9`."""
    found = re.findall(r"R(\d+)(?: to R(\d+))?", words)
    return {f"R{n}" for first, last in found for n in range(int(first), int(last or first) + 1)}


def test_page_says_which_rules_cost_a_rank():
    (row,) = re.findall(r"^\| `provisional` .*$", PAGE.read_text(), re.MULTILINE)
    provisional, _, none = row.partition("A model that failed")
    of_rank = {rank: {rule.name for rule in Rule if rule.value.rank is rank} for rank in Rank}
    assert rules(provisional) == of_rank[Rank.PROVISIONAL]
    assert rules(none) == of_rank[Rank.NONE] | {"R11"}  # two of its checks


def test_a_metric_that_is_not_listed_is_refused():
    with pytest.raises(ValueError, match="Received: 'luck'"):
        Figures("PublicTest", 0).add({}, "all", "luck", Interval(1, 0, 1, 1))


@pytest.mark.parametrize(
    ("file", "arrays"),
    [
        ("gallery.npz", GALLERY_ARRAYS),
        ("disputed.npz", DISPUTED_ARRAYS),
        ("regions.npz", REGION_ARRAYS),
    ],
)
def test_page_lists_the_arrays(file, arrays):
    listed = documented(file)
    assert list(listed) == list(arrays)
    for name, dtype in listed.items():
        assert arrays[name].startswith(dtype)


@pytest.mark.parametrize("row", ["seven", None, [7]])
def test_a_table_of_other_types_is_one_line(row: object, tmp_path: Path) -> None:
    path = tmp_path / "outside.parquet"
    line = {"row": row, "model": "m", "attacked_labels": "fer", "norm": "linf", "size": 0.1}
    pd.DataFrame([line]).to_parquet(path)
    with pytest.raises(InputError, match=r"outside\.parquet: expected the types of docs/results"):
        read_table(path, OUTSIDE_COLUMNS)


def test_the_notes_of_pandas_in_a_table_are_not_needed(tmp_path: Path) -> None:
    """No checksum covers them, and a changed one ended in a KeyError."""
    path = tmp_path / "outside.parquet"
    line = {"row": 7, "model": "m", "attacked_labels": "fer", "norm": "linf", "size": 0.1}
    pd.DataFrame([line]).to_parquet(path)
    whole = read_table(path, OUTSIDE_COLUMNS)
    table = parquet.read_table(path)
    notes = table.schema.metadata[b"pandas"].replace(b'"numpy_type"', b'"oumpy_type"')
    parquet.write_table(table.replace_schema_metadata({b"pandas": notes}), path)
    pd.testing.assert_frame_equal(read_table(path, OUTSIDE_COLUMNS), whole)
