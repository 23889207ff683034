"""One line of `python -m evaluation.doctor`: what was looked at, what was found, how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing stands."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        state: `note` works, but something could be had or is slow; `wrong` does not work.
        subject: one or two words.
        what: what was found.
        fix: what to do; empty when there is nothing to do.
    """

    state: State
    subject: str
    what: str
    fix: str = ""

    @property
    def line(self) -> str:
        """As printed: three columns of text, the fix at the end."""
        fix = f" -> {self.fix}" if self.fix else ""
        return f"{self.state:<6} {self.subject:<11} {' '.join(self.what.split())}{fix}"
