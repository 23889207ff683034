"""Tables of the page, each with a csv of the same rows to download, ten digits per number."""

import base64
import re
from dataclasses import dataclass

import pandas as pd

from evaluation.results.label_names import with_label_names
from reports.words.text import interval, own_label_names, percent, points


@dataclass(frozen=True)
class Table:
    """A table behind a chart.

    Attributes:
        name: file name of the download, without `.csv`.
        head: column titles.
        rows: cells as text, one list per row.
        uri: the csv as a `data:` address.
        title: what it shows; empty where it is the table of a chart, which has a title.
    """

    name: str
    head: list[str]
    rows: list[list[str]]
    uri: str
    title: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Columns that hold numbers only."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.head)
        return [all(_NUMBER.fullmatch(cell) for cell in column) for column in columns]


_SIGNS = "<>\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}\N{MINUS SIGN}"
_NUMBER = re.compile(
    "(?:[\N{BLACK FLAG}\N{MULTIPLICATION X}]\\s)?(?:"
    f"[{_SIGNS}]?[\\d\\s.,%{_SIGNS}\N{EN DASH}\N{EM DASH}]*(?: to [\N{MINUS SIGN}\\d.]+)?"
    "|[+\N{MINUS SIGN}]?[\\d.]+ points|\\d+ of \\d+|[\\d.]+/255|\\d.*\\s(s|min)"
    f"|[{_SIGNS}]?\\s?[\\d./\\s%]+ \\([\\d./<>\N{MINUS SIGN}\N{EN DASH}\N{INFINITY}]+\\))"
)


def table(
    name: str, head: list[str], rows: list[list[str]], data: pd.DataFrame, title: str = ""
) -> Table:
    """A table whose download holds `data`, see `csv_uri`."""
    return Table(name, head, rows, csv_uri(data), title)


def figures_table(
    name: str, rows: pd.DataFrame, keys: dict[str, str], shown: pd.DataFrame
) -> Table:
    """Result rows with their value, interval, n and status.

    Args:
        name: file name of the download.
        rows: long-form result rows, for the download.
        keys: column and its title, for the columns that name a row.
        shown: the same rows with words in those columns.
    """
    cells = []
    for _, row in shown.iterrows():
        value, low, high = (float(row[column]) for column in ("value", "ci_low", "ci_high"))
        names = [_plain(row[column]) for column in keys]
        mark = "" if row["status"] == "ok" else row["status"]
        written = points if row.get("metric") == "label_gap" else percent
        cells.append(
            [*names, written(value, low, high), interval(low, high), _plain(row["n"]), mark]
        )
    head = [*keys.values(), "share", "95 % interval", "n", "status"]
    return table(name, head, cells, rows)


def shares_table(name: str, shares: pd.DataFrame, corner: str) -> Table:
    """A table of shares with names of rows and columns."""
    cells = [
        [str(label), *(percent(float(share), 0, 1) for share in row)]
        for label, row in zip(shares.index, shares.to_numpy(dtype=float), strict=True)
    ]
    return table(name, [corner, *map(str, shares.columns)], cells, shares.reset_index())


def csv_uri(data: pd.DataFrame) -> str:
    """A frame as a `data:` address of a csv file; numbers have up to ten significant digits.

    Label sets that are named after the data have that name, as in `results.csv`.
    """
    data = with_label_names(data, own_label_names())
    text = data.to_csv(index=False, float_format="%.10g", lineterminator="\n")
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def _plain(value: object) -> str:
    return "" if pd.isna(value) else str(value)
