"""Forms of what a paper takes from a run; nothing heavy, so that `--help` answers at once."""

from enum import StrEnum


class FigureFormat(StrEnum):
    """Form of a file with a figure."""

    PDF = "pdf"
    SVG = "svg"


class TableFormat(StrEnum):
    """How a table is written."""

    LATEX = "latex"
    MARKDOWN = "markdown"
    CSV = "csv"


class MethodFormat(StrEnum):
    """A paragraph in two forms, or the entries that it cites."""

    LATEX = "latex"
    MARKDOWN = "markdown"
    BIBTEX = "bibtex"
