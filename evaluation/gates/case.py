"""The outcome of one requirement: what a gate prints and writes into JUnit XML and Markdown.

Not here: how requirements are judged (`evaluation/gates/fail_under.py` and `regressions.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a requirement. One that cannot be judged does not hold."""

    HELD = "held"
    MISSED = "missed"
    UNKNOWN = "not judged"


@dataclass(frozen=True)
class Case:
    """One requirement of one model.

    Attributes:
        model: its id.
        labels: name of the label set; empty where the requirement belongs to none.
        requirement: `robust_accuracy@4/255=0.25`, or the figure that must not get worse.
        outcome: whether it holds.
        message: the figure with its interval, and why it holds or not.
    """

    model: str
    labels: str
    requirement: str
    outcome: Outcome
    message: str

    @property
    def where(self) -> str:
        """`MODEL under NAME labels`."""
        return f"{self.model} under {self.labels} labels" if self.labels else self.model

    @property
    def line(self) -> str:
        """One line for the terminal."""
        return f"{self.outcome}: {self.where}: {' '.join(self.message.split())}"


def not_held(cases: Iterable[Case]) -> list[Case]:
    """Return the cases that are missed or cannot be judged, in their order."""
    return [case for case in cases if case.outcome is not Outcome.HELD]


def tally(cases: Iterable[Case]) -> str:
    """How many requirements had which outcome: `12 held, 1 missed`."""
    found = [case.outcome for case in cases]
    parts = [f"{found.count(outcome)} {outcome}" for outcome in Outcome if outcome in found]
    return ", ".join(parts) or "no requirements"
