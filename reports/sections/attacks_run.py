"""Which attacks ran on which model, at which eps and on how many faces, in words."""

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import pick
from reports.words.attacks import attack_title
from reports.words.text import count, eps_text, listing


def attack_sentences(run: FinishedRun, models: list[str], norm: str) -> list[str]:
    """`Attacks: FGSM and PGD.`, or a sentence for each group of models with the same attacks.

    Args:
        run: a finished run.
        models: models to speak of, each attacked under its own labels.
        norm: norm of the attacks.
    """
    groups: dict[str, list[str]] = {}
    for model in models:
        if text := attacks_on(run, model, norm):
            groups.setdefault(text, []).append(model)
    if len(groups) == 1 and len(models) == len(next(iter(groups.values()))):
        return [f"Attacks: {next(iter(groups))}."]
    return [f"Attacks on {listing(names)}: {text}." for text, names in groups.items()]


def attacks_on(run: FinishedRun, model: str, norm: str) -> str:
    """Attacks with figures on a model under its own labels, those with equal limits together.

    `FGSM and APGD; Square, at 4/255 only and on 100 of 500 faces`.
    """
    rows = _rows(run, model, norm)
    worst = pick(rows, perturbation=WORST_CASE)
    groups: dict[str, list[str]] = {}
    for name, part in rows.groupby("perturbation", sort=False):
        if name not in (WORST_CASE, "noise"):
            title = attack_title(run.manifest, str(name))
            groups.setdefault(_limits(part, worst, norm), []).append(title)
    return "; ".join(
        f"{listing(names)}, {limits}" if limits else listing(names)
        for limits, names in groups.items()
    )


def is_mixed(run: FinishedRun, model: str, norm: str) -> bool:
    """Whether some attack saw only a part of the faces of the worst case, under own labels."""
    rows = _rows(run, model, norm)
    return bool((rows["n"] < rows["n"].max()).any())


def mixed_note(run: FinishedRun, models: list[str], norm: str) -> str:
    """A sentence with a space before it where the worst case of some models is a mixture."""
    mixed = [model for model in models if is_mixed(run, model, norm)]
    if not mixed:
        return ""
    of = "" if len(mixed) == len(models) else f" of {listing(mixed)}"
    return (
        f" In the worst case{of} not every attack saw every face: see the threat model and the "
        "leaderboard."
    )


def _rows(run: FinishedRun, model: str, norm: str) -> pd.DataFrame:
    """Robust accuracy of a model, attacked and scored under its own labels, above eps 0."""
    own = run.own_label_set(model)
    rows = pick(
        run.results, model=model, label_set=own, attacked_labels=own, subset="all", norm=norm,
        metric="robust_accuracy",
    )  # fmt: skip
    return rows[(rows["eps"] > 0) & (rows["n"] > 0)]


def _limits(part: pd.DataFrame, worst: pd.DataFrame, norm: str) -> str:
    """To which eps and faces of the worst case an attack was limited; empty if to none."""
    grid, faces = sorted(set(part["eps"])), int(part["n"].max())
    limits = []
    if len(grid) < worst["eps"].nunique():
        limits.append(f"at {listing([eps_text(eps, norm) for eps in grid])} only")
    if len(worst) and faces < int(worst["n"].max()):
        limits.append(f"on {count(faces)} of {count(int(worst['n'].max()))} faces")
    return " and ".join(limits)
