"""About the run itself: its tier, detectable differences, seeds and attacks in words."""

import numpy as np
import pandas as pd

from datasets.base.percentages import share_in_percent
from evaluation.comparing.ranking import run_rankings
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, pick
from reports.charts.drawing import faces_range
from reports.sections.figures import SPREAD, robust_figure
from reports.words.attacks import WORST_CASE_WORDS, attack_title
from reports.words.text import eps_text, label_set_name, listing

QUICK = "quick"


def tier_note(run: FinishedRun) -> str:
    """Say that few faces and short attacks prove no robustness; empty for other tiers."""
    if run.manifest["config"].get("tier") != QUICK:
        return ""
    return (
        "The quick tier attacks few faces with short attacks: it shows that model, data and "
        "pipeline work, and it can show that a model is not robust, never that it is. For figures "
        "to quote, run again with `--tier standard`."
    )


def power_sentences(run: FinishedRun, headline: Headline | None) -> list[str]:
    """Say which differences between ranked models this run can detect, one per label set."""
    sentences = []
    for label_set, ranking in run_rankings(run).items():
        models = [name for name in ranking.order if name in ranking.ranges]
        rows = pick(
            run.results, metric="smallest_difference", label_set=label_set, model=models,
            subset="all",
        )  # fmt: skip
        clean = pick(rows, perturbation="none")
        parts = [_differences(clean, "on clean faces", len(models))]
        if headline:
            at = {"perturbation": WORST_CASE, "norm": headline.norm, "eps": headline.eps}
            where = f"in the worst case at {headline.text}"
            robust = {model: robust_figure(run, model, headline).value for model in models}
            between = [model for model in models if 0 < robust[model] < 1]
            none = [model for model in models if robust[model] == 0.0]
            found = _differences(pick(rows, model=between, **at), where, len(models))
            if found and none:
                are = "is" if len(none) == 1 else "are"
                found += f" (figures of {listing(between)} only: {listing(none)} {are} at 0\u202f%)"
            elif none and len(none) == len(models):
                at_none = {1: "it is", 2: "both are"}.get(len(none), "all are")
                found = f"{where} nothing, because {at_none} at 0\u202f%"
            parts.append(found)
        if any(parts):
            others = [name for name in ranking.order if name not in models]
            apart = f"; without {listing(others)}, which has no rank" if len(others) == 1 else ""
            if len(others) > 1:
                apart = f"; without {listing(others)}, which have no rank"
            compared = (
                f"between the ranked models {listing(models)}"
                if len(models) > 1
                else f"between {models[0]} and a model on as many other faces"
            )
            sentences.append(
                f"Under {label_set_name(label_set)} labels this run can detect, with a power of "
                f"80\u202f% at a level of 5\u202f%, {compared} "
                f"(n\u00a0=\u00a0{faces_range(clean)}{apart}): "
                f"{'; '.join(part for part in parts if part)}."
            )
    return sentences


def seed_sentences(run: FinishedRun, headline: Headline | None) -> list[str]:
    """Robust accuracy at the headline with each random seed, a sentence per model."""
    if headline is None:
        return []
    where = {"perturbation": WORST_CASE, "norm": headline.norm, "eps": headline.eps}
    sentences = []
    for model in run.models:
        own = run.own_label_set(model)
        rows = pick(
            run.results, metric=SPREAD, model=model, label_set=own, attacked_labels=own,
            subset="all", **where,
        )  # fmt: skip
        sentences += [
            f"Robust accuracy of {model} at {headline.text} when the attacks are repeated with "
            f"other random seeds: {detail}."
            for detail in rows["detail"]
        ]
    return sentences


def _differences(rows: pd.DataFrame, where: str, models: int) -> str:
    """Describe the smallest detectable differences over the models, paired and unpaired.

    Args:
        rows: figures of power.
        where: what they are differences in.
        models: number of models that are ranked together.
    """
    paired, unpaired = (
        pick(rows, detail=kind)["value"].dropna() for kind in ("paired", "unpaired")
    )
    points, pairs = [], models * (models - 1) // 2
    paired = paired if pairs else paired[:0]
    if np.isfinite(paired).any():
        found = _points(paired[np.isfinite(paired)])
        corrected = f" (corrected for their {pairs} pairs)" if pairs > 1 else ""
        points.append(f"{found} between two of them{corrected}")
    elif len(paired):
        points.append("no difference between them, which disagree on too few faces")
    if np.isfinite(unpaired).any():
        found = _points(unpaired[np.isfinite(unpaired)])
        apart = " between one of them and a model on as many other faces" if pairs else ""
        points.append(f"{found}{apart}")
    return f"{where}, {', and '.join(points)}" if points else ""


def _points(differences: pd.Series) -> str:
    """Smallest and largest of some differences, in points."""
    low, high = (share_in_percent(end, 1) for end in (differences.min(), differences.max()))
    ends = low if low == high else f"{low}\N{EN DASH}{high}"
    return f"{ends} points"


def attack_words(run: FinishedRun) -> list[tuple[str, str, str]]:
    """Attacks of the run: name, how it works, options."""
    options: dict[str, list[str]] = {}
    whole = len(run.manifest["config"].get("eps", []))
    for cost in run.manifest["perturbations"]:
        settings = [f"{key} {value}" for key, value in (cost.get("options") or {}).items()]
        if cost.get("attacked_labels") and not cost.get("shown") and len(cost["grid"]) < whole:
            settings.append(f"at {eps_text(cost['grid'][0], cost['norm'])} only")
        options.setdefault(cost["perturbation"], settings)
    how = {WORST_CASE: WORST_CASE_WORDS}
    for entry in run.manifest["perturbations"]:
        how.setdefault(entry["perturbation"], entry.get("words", ""))
    attacked = run.results["attacked_labels"] != ""
    return [
        (attack_title(run.manifest, name), how.get(name, ""), ", ".join(options.get(name, [])))
        for name in run.results.loc[attacked, "perturbation"].unique()
    ]
