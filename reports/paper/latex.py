r"""LaTeX of tables: booktabs rules, escaped text, marks of flagged figures as footnote signs.

The output is ASCII but for letters that LaTeX reads as UTF-8, and needs `\usepackage{booktabs}`.
"""

import pandas as pd

from reports.paper.printed import Printed
from reports.sections.figures import SIGN_WORDS, SIGNS

_MARKS = {"flagged": r"\textsuperscript{\dag}", "error": r"\textsuperscript{\ddag}"}
_LONG = 20
"""Letters of a cell from which on its column is set in two lines."""

_WIDE = 80
"""Letters of a row from which on a table is wider than a page of one column."""

_WRITTEN = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: rf"\{sign}" for sign in "&%$#_"},
        **{sign: f"${sign}$" for sign in "<>|"},
        '"': "''",
        "\N{NO-BREAK SPACE}": "~",
        "\N{NARROW NO-BREAK SPACE}": r"\,",
        "\N{WORD JOINER}": "",
        "\N{EN DASH}": "--",
        "\N{EM DASH}": "---",
        "\N{MINUS SIGN}": "$-$",
        "\N{MULTIPLICATION SIGN}": r"$\times$",
        "\N{INFINITY}": r"$\infty$",
        "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
        "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
        "\N{RIGHTWARDS ARROW}": r"$\rightarrow$",
        "\N{WARNING SIGN}": "(!)",
        "\N{LEFT DOUBLE QUOTATION MARK}": "``",
        "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    }
)


def latex_table(table: Printed) -> str:
    """A table as a float with caption and label.

    A flagged figure has a dagger, an error a double dagger, which a note explains. What is in
    brackets goes below: in a column with long cells, and in all columns of a wide table.
    """
    first, *others = [[row[place] for row in table.rows] for place in range(len(table.head))]
    wide = sum(max(map(len, cells), default=0) for cells in (first, *others)) > _WIDE
    columns = [[_first(table, *pair) for pair in zip(first, table.statuses, strict=True)]]
    for cells in others:
        tall = wide or max(map(len, cells), default=0) > _LONG
        columns.append([_cell(cell, tall=tall) for cell in cells])
    frame = pd.DataFrame(dict(enumerate(columns)))
    sides = ["l", *("r" if numbers else "l" for numbers in table.numeric[1:])]
    frame.columns = pd.Index([_heading(*pair) for pair in zip(table.head, sides, strict=True)])
    styled = frame.style.hide(axis="index")
    text = styled.to_latex(
        hrules=True,
        column_format="".join(sides),
        caption=latex_text(table.title),
        label=f"tab:{table.name}",
        position="t",
        position_float="centering",
    )
    start = r"\begin{tabular}"
    text = text.replace(start, f"\\footnotesize\n\\setlength{{\\tabcolsep}}{{4pt}}\n{start}", 1)
    notes = [f"{_MARKS[status]}: {SIGN_WORDS[status]}." for status in table.signed]
    notes.append(latex_text(table.notes))
    note = " ".join(filter(None, notes))
    below = rf"\par\smallskip\begin{{minipage}}{{\linewidth}}{note}\end{{minipage}}"
    return text.replace(r"\end{table}", f"{below}\n\\end{{table}}" if note else r"\end{table}")


def latex_text(text: str) -> str:
    """Escape text for LaTeX; signs of statuses become footnote signs."""
    written = " ".join(text.split(" ")).translate(_WRITTEN).replace("\n", " ")
    for status, sign in SIGNS.items():
        written = written.replace(sign, _MARKS[status])
    return written


def _first(table: Printed, text: str, status: str) -> str:
    written = rf"\texttt{{{latex_text(text)}}}" if table.of_models else _cell(text)
    return written + _MARKS.get(status, "")


def _cell(text: str, *, tall: bool = False) -> str:
    """A cell; the sign of a flagged figure follows it."""
    mark = ""
    for status, sign in SIGNS.items():
        if text.startswith(sign):
            text, mark = text.removeprefix(sign).strip(), _MARKS[status]
    figure, bracket, rest = text.partition(" (")
    if not (tall and bracket):
        return latex_text(text) + mark
    lines = rf"{latex_text(figure)}{mark} \\ ({latex_text(rest)}"
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{lines}\end{{tabular}}"


def _heading(title: str, side: str) -> str:
    """A column title in two lines if it is long, aligned to a side: l or r."""
    words = title.split(" ")
    if side == "l" or len(title) < _LONG // 2 or len(words) < 2:
        return latex_text(title)
    pairs = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    above, below = min(pairs, key=lambda lines: max(map(len, lines)))
    return rf"\shortstack[{side}]{{{latex_text(above)} \\ {latex_text(below)}}}"
