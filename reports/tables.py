r"""`python -m reports.tables RUN --section leaderboard --format latex`: tables of the report.

Prints them, or writes one file per table with `--out FOLDER`. The figures are those of the page,
with their intervals and flags. LaTeX needs `\usepackage{booktabs}`; csv is the page's download,
with up to ten significant digits per number. Needs no TensorFlow.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from reports.paper.file_formats import TableFormat

if TYPE_CHECKING:
    from reports.paper.printed import Printed


_SUFFIX = {TableFormat.LATEX: "tex", TableFormat.MARKDOWN: "md", TableFormat.CSV: "csv"}


def main(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder that `python -m evaluation.run` wrote.")
    ],
    section: Annotated[
        str, typer.Option(help="Section of the report, as in its links: leaderboard, curves, ...")
    ] = "leaderboard",
    format_: Annotated[TableFormat, typer.Option("--format", help="Form of the tables.")] = (
        TableFormat.LATEX
    ),
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Columns after the first, by the beginning of their titles; all. Default: all, of "
            "the leaderboard those of report.md. Not for csv, which has all.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write one file per table there.")
    ] = None,
) -> None:
    """Print the tables of a section of a finished run's report."""
    from reports.paper.printed import ALL
    from reports.paper.sections import tables_of

    if format_ is TableFormat.CSV and columns is not None and columns.strip() != ALL:
        raise InputError(
            "--columns is for latex and markdown; a csv is the page's download and has all columns "
            f"under names of its own. Leave it out; got {columns!r}."
        )
    tables = tables_of(run_folder, section, columns)
    if format_ is TableFormat.CSV:
        texts = {table.download: table.csv for table in tables}
    else:
        texts = {table.name: _written(table, format_) for table in tables}
    if format_ is TableFormat.CSV and len(texts) > 1 and out is None:
        raise InputError(
            f"section {section} has {len(texts)} tables ({', '.join(texts)}) and a csv holds one; "
            "give --out FOLDER."
        )
    if out is None:
        print("\n".join(texts.values()), end="")
        return
    from datasets.base.atomic import atomic

    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = out / f"{name}.{_SUFFIX[format_]}"
        with atomic(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline="\n")
        print(path)


def _written(table: "Printed", form: TableFormat) -> str:
    from reports.markdown import escaped, markdown_table
    from reports.paper.latex import latex_table
    from reports.sections.figures import SIGN_WORDS, SIGNS

    if form is TableFormat.LATEX:
        return latex_table(table)
    signs = [f"{SIGNS[status]}: {SIGN_WORDS[status]}." for status in table.signed]
    parts = [f"**{escaped(table.title)}**", markdown_table(table), " ".join([*signs, table.notes])]
    return "\n\n".join(filter(None, parts)) + "\n"


if __name__ == "__main__":
    run(main, prog="python -m reports.tables")
