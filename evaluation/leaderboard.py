"""`python -m evaluation.leaderboard FOLDER`: rank the models of all runs in a folder.

Models share a board only where they met the same attacks on the same faces.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.counted import counted
from datasets.base.writable import check_file

if TYPE_CHECKING:
    import pandas as pd


def main(
    folder: Annotated[Path, typer.Argument(help="Folder of run folders, such as runs.")],
    out: Annotated[
        Path | None, typer.Option(help="Also write the ranking to this .csv or .md.")
    ] = None,
) -> None:
    """Rank the models of several runs by their security curves, each under its own labels."""
    check_file(out, ".csv", ".md")
    from evaluation.comparing.attack_names import attack_names
    from evaluation.comparing.boards import find_runs, leaderboards
    from evaluation.text_table import markdown_table, text_table, write_csv_or_markdown

    runs, notes = find_runs(folder)
    for line in notes:
        print(line, file=sys.stderr)
    table = leaderboards(runs)
    boards = [_board(rows, attack_names(runs, rows)) for _, rows in table.groupby("board")]
    for title, head, rows, notes in boards:
        print(text_table(title, head, rows, left=3), *notes, sep="\n")
    if out is None:
        return
    parts = (
        "\n\n".join([title, markdown_table(head, rows, left=3), *notes]) + "\n"
        for title, head, rows, notes in boards
    )
    write_csv_or_markdown(table, "\n".join(parts), out)


def _board(
    board: "pd.DataFrame", attacks: list[str]
) -> tuple[str, list[str], list[list[str]], list[str]]:
    """Title, head, rows and the lines below the table of one board."""
    from evaluation.text_table import bound_lines, flag_lines

    head, rows = _cells(board)
    notes = [*flag_lines(rows), *bound_lines(rows), *_note(board)]
    return _title(board, attacks), head, rows, notes


def _title(board: "pd.DataFrame", attacks: list[str]) -> str:
    first = board.iloc[0]
    return (
        f"{first.data} {first.split}, {first.label_set} labels, {_faces(board)}; "
        f"{', '.join(attacks) or 'no attacks'}{_version(first.attack_version)}. "
        "Accuracy, % (95 % interval)"
    )


def _faces(board: "pd.DataFrame") -> str:
    """`80 faces`, or `80 faces in 40 groups` where some are near duplicates."""
    import pandas as pd

    row = board.loc[board.n.idxmax()]
    groups = "" if pd.isna(row.groups) or row.groups == row.n else f" in {row.groups} groups"
    return f"{counted(row.n, 'face')}{groups}"


def _version(number: object) -> str:
    import pandas as pd

    return "" if pd.isna(number) else f"; version {number} of the attacks"


def _cells(board: "pd.DataFrame") -> tuple[list[str], list[list[str]]]:
    """Head and rows. A rank is a range where tests cannot tell models apart.

    Models are ranked by the area under their security curves up to the headline eps. Black boxes
    come last, their upper bounds after <=. `!` after a rank: a check of the attack failed.
    """
    import pandas as pd

    from attacks.threat_model import format_eps
    from evaluation.text_table import BOUND, FLAG

    first = board.iloc[0]
    size = f"{first.norm} {format_eps(first.eps)}" if first.eps else ""
    head = ["rank", "model", "run", "clean"]
    head += [f"curve to {size}", f"worst case {size}"] if size else []
    rows = []
    for row in board.itertuples():
        low, high = row.best_rank, row.worst_rank
        rank = "-" if pd.isna(low) else str(low) if low == high else f"{low}-{high}"
        rank += FLAG if row.provisional else ""
        limit = BOUND if row.upper_bound else ""
        faces = "" if row.n == board.n.max() else f" ({counted(row.n, 'face')})"
        cells = [rank, f"{row.model}{faces}", Path(row.run).name, _share(row, "accuracy")]
        if size:
            cells += [_share(row, name, limit) for name in ("curve_area", "robust_accuracy")]
        rows.append(cells)
    return head, rows


def _note(board: "pd.DataFrame") -> list[str]:
    """A sentence where upper bounds of several runs are not comparable, or none."""
    if board.surrogates[board.upper_bound].nunique() < 2:
        return []
    return [
        "Figures after <= are not comparable, and are not ranked, where the column surrogates of "
        "--out FILE.csv differs: images made on other models broke these faces."
    ]


def _share(row: object, name: str, limit: str = "") -> str:
    """A figure in percent with its interval, `!` where it is flagged; `-` where there is none."""
    import pandas as pd

    from datasets.base.percentages import share_in_percent
    from evaluation.text_table import FLAG

    if pd.isna(getattr(row, name)):
        return "-"
    value = share_in_percent(getattr(row, name), 1)
    low, high = (share_in_percent(getattr(row, f"{name}{end}"), 1) for end in ("_low", "_high"))
    ends = "" if pd.isna(getattr(row, f"{name}_low")) else f" ({low}-{high})"
    return f"{limit}{value}{ends}{FLAG * (getattr(row, f'{name}_status') != 'ok')}"


if __name__ == "__main__":
    run(main, prog="python -m evaluation.leaderboard")
