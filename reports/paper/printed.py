"""Tables of the report to print elsewhere, with the text and the marks of the page.

Not here: how they are written (`reports/paper/latex.py`, `reports/markdown.py`).
"""

import base64
import re
from dataclasses import dataclass, replace

from datasets.base.errors import InputError
from evaluation.metrics.table import METRICS
from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.charts.drawing import Chart
from reports.sections.disputed_faces import Disputed
from reports.sections.figures import SIGNS, marked
from reports.sections.leaderboard import (
    Cell,
    Leaderboard,
    leaderboard,
    ranking_sentence,
    reading_sentence,
)
from reports.sections.region_map import RegionMap
from reports.sections.reliability import Reliability
from reports.subgroups import Subgroups
from reports.table import Table
from reports.words.text import THIN, label_set_name, listing

SHORT = (
    "Rank",
    "Clean accuracy",
    "Area",
    "Worst case",
    "8-bit images",
    "Best known",
    "Random noise",
    "Median smallest",
)
"""Beginnings of the leaderboard's columns that a narrow table shows; the page has them all."""

ALL = "all"

_NUMBER = re.compile(
    "(?:[\N{BLACK FLAG}\N{MULTIPLICATION X}]\\s)?"
    "[<>\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}\N{MINUS SIGN}\\s]*"
    "(?:\\d|\N{EM DASH}|\N{INFINITY}|no |$)"
)
"""The beginning of a cell that holds a figure, a dash for none, or words such as `no bound`."""


@dataclass(frozen=True)
class Printed:
    """A table to print.

    Attributes:
        name: name of its file, without a suffix.
        title: what it shows.
        notes: how to read it, in sentences.
        head: column titles; the first column of a table of models holds their ids.
        rows: cells as text; the sign of a flagged figure comes first.
        statuses: ok, flagged or error of each row's first cell.
        uri: the download of the page, as a `data:` address.
        download: name of the download, which tables of the leaderboard share.
    """

    name: str
    title: str
    notes: str
    head: list[str]
    rows: list[list[str]]
    statuses: list[str]
    uri: str
    download: str

    @property
    def of_models(self) -> bool:
        """Whether the first column holds ids of models."""
        return self.head[0].lower().startswith("model")

    @property
    def numeric(self) -> list[bool]:
        """Columns that hold numbers only, or nothing."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.head)
        return [all(_NUMBER.match(cell) for cell in column) for column in columns]

    @property
    def signed(self) -> list[str]:
        """Statuses whose signs occur: flagged, error."""
        cells = [cell for row in self.rows for cell in row]
        return [
            status
            for status, sign in SIGNS.items()
            if status in self.statuses or any(sign in cell for cell in cells)
        ]

    @property
    def csv(self) -> str:
        """The download of the page, with up to ten significant digits per number."""
        return base64.b64decode(self.uri.partition(",")[2]).decode()

    def columns(self, wanted: str) -> "Printed":
        """The table with some of its columns, after the first.

        Args:
            wanted: beginnings of their titles, separated by commas, which titles may hold
                themselves; `all` for all.

        Raises:
            InputError: no title begins so.
        """
        if wanted.strip() == ALL:
            return self
        parts, words = [part.strip() for part in wanted.split(",")], list[str]()
        while parts:
            longest = (", ".join(parts[:count]) for count in range(len(parts), 0, -1))
            word = next(filter(self._begins_a_title, longest), "")
            if not word:
                raise InputError(
                    f"--columns must name beginnings of {'; '.join(self.head[1:])}; or {ALL}; "
                    f"got {parts[0]!r} for table {self.name}."
                )
            words.append(word)
            parts = parts[word.count(", ") + 1 :]
        return self._with(tuple(words))

    def _begins_a_title(self, word: str) -> bool:
        return bool(word) and any(title.startswith(word) for title in self.head[1:])

    def short(self) -> "Printed":
        """A leaderboard with the columns of a narrow table; the page has them all."""
        headings = (metric.heading for metric in METRICS.values() if metric.in_summary)
        return self._with((*SHORT, *headings))

    def _with(self, beginnings: tuple[str, ...]) -> "Printed":
        shown = [title.startswith(beginnings) for title in self.head]
        kept = [place for place in range(len(self.head)) if place == 0 or shown[place]]
        rows = [[row[place] for place in kept] for row in self.rows]
        return replace(self, head=[self.head[place] for place in kept], rows=rows)


def printed_boards(run: FinishedRun, top: Headline | None) -> list[Printed]:
    """The leaderboard, a table per label set, with every column."""
    board = leaderboard(run, top)
    return [
        _board(run, top, board, labels) for labels in dict.fromkeys(row[1] for row in board.rows)
    ]


def tables_in(made: object, run: FinishedRun, top: Headline | None) -> list[Printed]:
    """The tables of a part of the report.

    Args:
        made: what `Part.make` returned.
        run: the run.
        top: its headline.
    """
    match made:
        case Leaderboard():
            return printed_boards(run, top)
        case Table():
            return [_plain(made, made.title, "")]
        case Chart():
            return [_plain(made.table, made.title, made.caption)]
        case RegionMap():
            return [_plain(made.table, made.title, made.caption)]
        case Subgroups():
            return [_plain(one, one.title, "") for one in (made.figures, made.gaps)]
        case Disputed():
            return [_plain(made.shares, made.title, "")]
        case Reliability():
            return [_plain(made.table, made.table.title, made.tally)]
        case list():
            return [table for one in made for table in tables_in(one, run, top)]
    return []


def board_notes(run: FinishedRun, top: Headline | None) -> str:
    """How to read the leaderboard."""
    notes = [ranking_sentence(run, top), reading_sentence(run, top)]
    apart = (
        f"; {listing([label_set_name(name) for name in run.label_sets])} figures are not comparable"
        * (len(run.label_sets) > 1)
    )
    return (
        f"Brackets hold 95{THIN}% intervals, for the median smallest eps the quartiles. Each model "
        "is scored under its own labels" + apart + ". "
        f"{' '.join(filter(None, notes))} Robust accuracy is an upper bound: a stronger attack may "
        "lower it."
    )


def _plain(table: Table, title: str, caption: str) -> Printed:
    statuses = ["ok"] * len(table.rows)
    return Printed(
        table.name, title, caption, table.head, table.rows, statuses, table.uri, table.name
    )


def _board(run: FinishedRun, top: Headline | None, board: Leaderboard, labels: str) -> Printed:
    rows = [row for row in board.rows if row[1] == labels]
    several = len({row[1] for row in board.rows}) > 1
    return Printed(
        "leaderboard" + f"-{_file_part(labels)}" * several,
        f"Leaderboard, {labels} labels",
        board_notes(run, top),
        [f"Model, {labels} labels", *board.head],
        [[model, *map(_cell, cells)] for model, _, cells, _, _ in rows],
        [status for *_, status in rows],
        board.data.uri,
        board.data.name,
    )


def _file_part(labels: str) -> str:
    """Name of a label set for a file: `ferplus`, `raf-db-votes`."""
    return re.sub(r"\W+", "-", labels.lower().replace("+", "plus")).strip("-")


def _cell(cell: Cell) -> str:
    remarks = "; ".join(filter(None, [cell.small, cell.note]))
    return marked(f"{cell.text} ({remarks})" if remarks else cell.text, cell.status)
