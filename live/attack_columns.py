"""The attack on a face with its settings: columns of a recording, and words for a page."""

import math
from typing import NamedTuple

from attacks.registry import CORRUPTIONS
from attacks.threat_model import format_eps
from live.perturb import eps_of
from live.settings import ATTACKS, Settings

WITHOUT_TARGET = ("noise",)
"""Attacks that nothing can direct towards a class."""


class AttackColumns(NamedTuple):
    """An attack or a corruption, and what decides how strong it is.

    Attributes:
        attack: name; empty without one.
        eps: Linf radius in 255ths, 255 for what is printed in any shade of grey; NaN for a
            corruption and without an attack.
        severity: of a corruption; else None.
        steps: steps or queries of an attack that has any; else None.
        target: class that the attack must reach; empty: any other.
    """

    attack: str
    eps: float
    severity: int | None
    steps: int | None
    target: str

    @property
    def words(self) -> str:
        """The attack with its strength, in words; empty without one."""
        if not self.attack:
            return ""
        if self.severity is not None:
            return f"{self.attack} of severity {self.severity}"
        goal = f" towards {self.target}" if self.target else ""
        effort = "" if self.steps is None else f" ({self.steps} {ATTACKS[self.attack]})"
        return f"{self.attack}{effort} at eps {format_eps(self.eps / 255)}{goal}"


NO_ATTACK = AttackColumns("", math.nan, None, None, "")


def attack_columns(settings: Settings) -> AttackColumns:
    """The columns of a face that was attacked with these settings; they may name no attack."""
    attack = settings.attack
    if not attack:
        return NO_ATTACK
    if attack in CORRUPTIONS:
        return AttackColumns(attack, math.nan, settings.severity, None, "")
    steps = settings.steps if ATTACKS[attack] else None
    target = "" if attack in WITHOUT_TARGET else settings.target
    return AttackColumns(attack, 255 * eps_of(settings), None, steps, target)
