"""Attacks of a leaderboard in words: those with figures, by the names that their runs give them.

The column `attacks` of its csv has all attacks that were asked for, as a tier file writes them
(`evaluation/comparing/boards.py`).
"""

from collections.abc import Iterable

import pandas as pd

from evaluation.config import AttackSettings
from evaluation.results.run import FinishedRun
from evaluation.results.select import pick


def attack_names(runs: Iterable[FinishedRun], board: pd.DataFrame) -> list[str]:
    """Attacks with a figure on a model of a board, with their options: `PGD (steps 20)`.

    Args:
        runs: at least those of the board.
        board: its rows, with the columns `run` and `model` of `BOARD_COLUMNS`.

    Returns:
        One text per attack, in the order of the runs, which have the same attacks.
    """
    here = [run for run in runs if str(run.folder) in set(board.run)]
    ran, titles = set[str](), dict[str, str]()
    for run in here:
        rows = pick(run.results, metric="robust_accuracy")
        own = rows.model.isin(board.model[board.run == str(run.folder)])
        ran |= set(rows.perturbation[own & rows.value.notna()])
        for made in run.manifest["perturbations"]:
            titles[made["perturbation"]] = made.get("title") or made["perturbation"]
    attacks = here[0].config.attacks if here else ()
    return [_named(one, titles.get(one.name, one.name)) for one in attacks if one.name in ran]


def _named(attack: AttackSettings, title: str) -> str:
    """A title with the options and limits of the attack in brackets, if it has any."""
    details = [f"{name.replace('_', ' ')} {value}" for name, value in attack.options.items()]
    if attack.limit is not None:
        details.append(f"first {attack.limit} faces")
    if attack.headline_only:
        details.append("headline eps only")
    if attack.black_boxes_only:
        details.append("only models without gradients")
    if attack.labels_only:
        details.append("only models that return labels")
    return f"{title} ({', '.join(details)})" if details else title
