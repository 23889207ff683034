"""One fault and what came of it, and the table of many."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_SHOWN = 150
"""Characters of a command's last line in the table."""


@dataclass(frozen=True)
class Ending:
    """How a command ended.

    Attributes:
        code: exit code; negative, the number of the signal that ended it.
        line: last line of its standard error, paths of the campaign left out.
        traceback: whether it printed one.
    """

    code: int
    line: str
    traceback: bool

    def __str__(self) -> str:
        """The exit code, and the line where the command gave a reason."""
        shown = self.line if self.line.startswith("error: ") or self.traceback else ""
        words = f", `{shown[:MOST_SHOWN]}`".replace("|", r"\|") if shown else ""
        return f"{self.code}{words}{', a traceback' if self.traceback else ''}"


@dataclass(frozen=True)
class Trial:
    """One fault.

    Attributes:
        kind: what happened to the run.
        ending: how the command ended that met it; None where the kind could not be tried here.
        lost: files of the undisturbed run that the resumed one lacks.
        changed: files that both have, with other bytes.
        note: what else was seen.
    """

    kind: str
    ending: Ending | None
    lost: Sequence[str] = ()
    changed: Sequence[str] = ()
    note: str = ""

    @property
    def recovered(self) -> bool:
        """Whether the resumed run has the bytes of the undisturbed one."""
        return self.ending is not None and not self.lost and not self.changed

    @property
    def is_good(self) -> bool:
        """Whether it recovered, and the command ended without a traceback."""
        return self.recovered and self.ending is not None and not self.ending.traceback


def table(trials: Iterable[Trial]) -> str:
    """Markdown with a row per kind, in the order in which they first occur."""
    by_kind: dict[str, list[Trial]] = {}
    for trial in trials:
        by_kind.setdefault(trial.kind, []).append(trial)
    rows = ["| fault | times | recovered | files lost | files changed | how the command ended |"]
    rows.append("|---|---|---|---|---|---|")
    for kind, mine in by_kind.items():
        tried = [trial for trial in mine if trial.ending is not None]
        counts = (
            len(tried),
            sum(trial.recovered for trial in tried),
            sum(len(trial.lost) for trial in tried),
            sum(len(trial.changed) for trial in tried),
        )
        rows.append(f"| {kind} | {' | '.join(map(str, counts))} | {_endings(mine)} |")
    return "\n".join(rows)


def _endings(trials: Sequence[Trial]) -> str:
    """The different endings, the most frequent first, and how often each occurred."""
    found = Counter(
        "; ".join(filter(None, (str(trial.ending or ""), trial.note))) for trial in trials
    )
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{count} x {words}" for words, count in found.most_common())
