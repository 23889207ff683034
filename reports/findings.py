"""What each section that folds found, in one sentence: shown under its title while it is folded."""

from collections.abc import Mapping
from typing import Any

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.sections.costs import cost_sentence
from reports.sections.perturbation_sizes import size_sentence
from reports.words.glossary import GLOSSARY
from reports.words.text import count, face_count

ABSENT = "Not part of this run."

_CHARTS = {
    "who-breaks": ("attack_matrices", "transfers"),
    "certified": ("certified",),
    "noise": ("label_noise",),
    "confusion": ("confusions",),
    "flows": ("flows",),
    "regions": ("regions",),
    "corruptions": ("corruptions",),
    "calibration": ("calibrations",),
}
"""Sections whose first chart has the finding in its title, and where their charts are."""


def findings(run: FinishedRun, top: Headline | None, values: Mapping[str, Any]) -> dict[str, str]:
    """One sentence for each section that folds.

    Args:
        run: a finished run.
        top: eps and norm of the verdict.
        values: drawn sections by their name in the template.

    Returns:
        Sentences by the section's id on the page.
    """
    charts = {
        section: next((chart.title for name in names for chart in values[name] or ()), ABSENT)
        for section, names in _CHARTS.items()
    }
    curves = [values["scatter"], *values["curves"]]
    labels = [values["label_sets"], values["disputed"]]
    return charts | {
        "threat": values["threats"][1],
        "curves": next((chart.title for chart in curves if chart), ABSENT),
        "groups": values["subgroups"].main if values["subgroups"] else ABSENT,
        "labels-section": next((part.title for part in labels if part), ABSENT),
        "gallery": _gallery(run, top, len(values["gallery"][0])),
        "reliability": values["reliability"].tally
        if values["reliability"].total
        else "No checks were run.",
        "costs": cost_sentence(run),
        "method": f"Intervals and tests, what each attack does, and {count(len(GLOSSARY))} terms.",
        "manifest": "The command, versions, seed and hashes that repeat this run.",
    }


def _gallery(run: FinishedRun, top: Headline | None, examples: int) -> str:
    shown = f"{face_count(examples)}, clean and attacked." if examples else ""
    return " ".join(filter(None, [size_sentence(run, top), shown])) or ABSENT
