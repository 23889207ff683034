"""One line of `python -m evaluation.doctor`: what was checked, what was found and how to fix it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Result of a check."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        state: `note`: it works, but something is missing or slow; `wrong`: it does not work.
        subject: one or two words.
        what: what was found.
        fix: what to do; empty if there is nothing to do.
    """

    state: State
    subject: str
    what: str
    fix: str = ""

    @property
    def line(self) -> str:
        """The finding as printed: three columns of text, then the fix."""
        fix = f" -> {self.fix}" if self.fix else ""
        return f"{self.state:<6} {self.subject:<11} {' '.join(self.what.split())}{fix}"
