"""The summary of a GitHub Actions step: Markdown appended to the file `$GITHUB_STEP_SUMMARY`.

GitHub shows no summary above 1 MiB, so what is too long is cut at the end of a line. Outside of
GitHub Actions nothing is written.
"""

import html
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.gates.case import Case, not_held, tally
from evaluation.text_table import markdown_table

VARIABLE = "GITHUB_STEP_SUMMARY"
LIMIT = 2**20
"""Bytes of a step's summary. Source: "Workflow commands" in the documentation of GitHub Actions."""
MOST_CASES = 50
"""Requirements listed; JUnit XML has all of them."""


def append_summary(text: str, where: Path) -> None:
    """Append Markdown to the step's summary, if there is one; a file that refuses it is a warning.

    Args:
        text: Markdown.
        where: what holds the whole text, named where it is cut.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return
    path = Path(name)
    try:
        used = path.stat().st_size if path.exists() else 0
        with open(path, "ab") as file:
            file.write(_cut(text.rstrip() + "\n\n", LIMIT - used, where))
    except OSError as error:
        print(f"{VARIABLE}: no summary written, {name}: {error.strerror}", file=sys.stderr)


def _cut(text: str, room: int, where: Path) -> bytes:
    """As many whole lines as there is room for, in bytes of UTF-8; nothing where none fits."""
    whole = text.encode()
    if len(whole) <= room:
        return whole
    note = f"\n\nCut at 1 MiB: the rest is in `{where}`.\n".encode()
    kept = whole[: max(room - len(note), 0)]
    return kept[: kept.rfind(b"\n") + 1] + note if len(note) <= room else b""


def gate_markdown(cases: Sequence[Case]) -> str:
    """What a gate found as Markdown: how many requirements hold, and a table of the others."""
    bad = not_held(cases)
    rows = [[_safe(cell) for cell in (case.outcome, case.where, case.message)] for case in bad]
    table = markdown_table(("", "Model", "Figure"), rows[:MOST_CASES], left=3) if bad else ""
    more = f"{len(bad) - MOST_CASES} more are not shown." if len(bad) > MOST_CASES else ""
    return "\n\n".join(filter(None, [f"**Requirements: {tally(cases)}**", table, more]))


def _safe(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False)
