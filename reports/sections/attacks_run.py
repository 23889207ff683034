"""Which attacks ran on which model, at which eps and on how many faces, in words."""

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, pick
from reports.words.attacks import attack_title
from reports.words.text import count, eps_text, label_set_name, listing


def attack_sentences(
    run: FinishedRun, models: list[str], norm: str, label_set: str | None = None
) -> list[str]:
    """`Attacks: FGSM and PGD.`, or a sentence for each group of models with the same attacks.

    Args:
        run: a finished run.
        models: models to speak of.
        norm: norm of the attacks.
        label_set: labels under which they are attacked; None for their own.
    """
    groups: dict[str, list[str]] = {}
    for model in models:
        if text := attacks_on(run, model, norm, label_set or run.own_label_set(model)):
            groups.setdefault(text, []).append(model)
    if len(groups) == 1 and len(models) == len(next(iter(groups.values()))):
        return [f"Attacks: {next(iter(groups))}."]
    return [f"Attacks on {listing(names)}: {text}." for text, names in groups.items()]


def attacks_by_label_set(run: FinishedRun, norm: str) -> list[str]:
    """Sentences on the attacks of every model under every label set that attacked it.

    Each begins with its labels, `Under FER labels, attacks on`, if they differ in what ran.
    """
    told = {name: attack_sentences(run, run.models, norm, name) for name in run.label_sets}
    told = {name: sentences for name, sentences in told.items() if sentences}
    same = len({tuple(sentences) for sentences in told.values()}) == 1
    if same:
        return next(iter(told.values()))
    return [
        f"Under {label_set_name(name)} labels, a{sentence[1:]}"
        for name, sentences in told.items()
        for sentence in sentences
    ]


def attacks_on(run: FinishedRun, model: str, norm: str, label_set: str) -> str:
    """Attacks with figures on a model under some labels, those with equal limits together.

    `FGSM and APGD; Square, at 4/255 only and on 100 of 500 faces`. A transfer attack is named with
    the models that its images were made on.
    """
    rows = _rows(run, model, norm, label_set)
    worst = pick(rows, perturbation=WORST_CASE)
    groups: dict[str, list[str]] = {}
    for name, part in rows.groupby("perturbation", sort=False):
        if name not in (WORST_CASE, "noise"):
            title = attack_title(run.manifest, str(name))
            source = str(part["source"].iloc[0])
            if source and source != model:
                title += f" (made on {listing(source.split(','))})"
            groups.setdefault(_limits(part, worst, norm), []).append(title)
    return "; ".join(
        f"{listing(names)}, {limits}" if limits else listing(names)
        for limits, names in groups.items()
    )


def is_mixed(run: FinishedRun, model: str, norm: str) -> bool:
    """Whether some attack saw only a part of the faces of the worst case, under own labels."""
    rows = _rows(run, model, norm, run.own_label_set(model))
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


def bound_note(run: FinishedRun, models: list[str]) -> str:
    """A sentence with a space before it where some models are black boxes."""
    limited = [model for model in models if model in run.black_boxes]
    if not limited:
        return ""
    give = "gives" if len(limited) == 1 else "give"
    return f" {listing(limited)} {give} no gradients: a stronger attack may break more faces."


def attacked_notes(run: FinishedRun, models: list[str], headline: Headline | None) -> str:
    """What a reader must know of the worst case of some models; empty without attacks."""
    if headline is None:
        return ""
    return mixed_note(run, models, headline.norm) + bound_note(run, models)


def _rows(run: FinishedRun, model: str, norm: str, label_set: str) -> pd.DataFrame:
    """Robust accuracy of a model, attacked and scored under the same labels, above eps 0."""
    rows = pick(
        run.results, model=model, label_set=label_set, attacked_labels=label_set, subset="all",
        norm=norm, metric="robust_accuracy",
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
