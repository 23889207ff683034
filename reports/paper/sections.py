"""Take the tables or the charts of a section out of a finished run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.base.errors import InputError
from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, headline
from reports.contents import parts
from reports.paper.printed import Printed, tables_in
from reports.sections.figures import without_errors
from reports.words.text import labels_named

_WITHOUT_TABLES = ("verdict", "threat")


@contextmanager
def opened(folder: Path) -> Iterator[tuple[FinishedRun, Headline | None]]:
    """A run as the page shows it, and its headline.

    Raises:
        InputError: a file of the run is missing or has another schema.
    """
    run = FinishedRun(folder)
    with labels_named(run.label_names):
        shown = without_errors(run)
        yield shown, headline(shown.results)


def tables_of(folder: Path, section: str, columns: str | None) -> list[Printed]:
    """The tables of a section.

    Args:
        folder: folder of a run.
        section: id of the section on the page.
        columns: see `Printed.columns`; None for all, of the leaderboard those of `report.md`.

    Raises:
        InputError: no such section or column, no table in it, or a file of the run is missing.
    """
    with opened(folder) as (run, top):
        chosen = [part for part in parts(run, top) if part.section == section]
        names = dict.fromkeys(
            part.section for part in parts(run, top) if part.section not in _WITHOUT_TABLES
        )
        if section not in names:
            raise InputError(f"--section must be one of {', '.join(names)}; got {section!r}.")
        tables = [table for part in chosen for table in tables_in(part.make(), run, top)]
        tables = [table for table in tables if table.rows]
        if not tables:
            raise InputError(
                f"{folder}: section {section} has no table in this run. Choose another of "
                f"{', '.join(names)}."
            )
        if columns is not None:
            return [table.columns(columns) for table in tables]
        return [table.short() for table in tables] if section == "leaderboard" else tables
