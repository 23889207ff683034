"""Options shared by the attack commands: which attack, how strong, with which seed."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option


@dataclass(frozen=True, kw_only=True)
class AttackRequest:
    """An attack as the user asked for it; `attacks/registry.py` checks it."""

    attack: Annotated[
        str, Option(help="Name of the attack; `attacks.generate --list` shows all.")
    ] = "pgd"
    norm: Annotated[str, Option(help="Norm of the perturbation: linf, l2 or l1.")] = "linf"
    steps: Annotated[int | None, Option(min=1, help="Gradient steps. Default: the attack's.")] = (
        None
    )
    seed: Annotated[int, Option(min=0, help="Random seed.")] = 0
