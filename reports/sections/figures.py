"""Figures of a model under its own labels, as sections quote them."""

from dataclasses import dataclass

import pandas as pd

from datasets.labels import SCHEMES, LabelSet
from evaluation.checks.rules import Rank, failed_rules
from evaluation.comparing.ranking import run_rankings
from evaluation.results.run import FinishedRun
from evaluation.results.schema import EVERY_ATTACK, WORST_CASE
from evaluation.results.select import Headline, clean_accuracy, pick, robust_accuracy
from reports.words.attacks import attack_title
from reports.words.text import NBSP, interval, label_set_name, percent

SIGNS = {"flagged": "\N{BLACK FLAG}", "error": "\N{MULTIPLICATION X}"}
"""Sign of a figure by its status."""

SIGN_WORDS = {
    "flagged": "the figure failed a reliability check or could not be checked",
    "error": "the figure is an error",
}
"""What the signs mean."""


def marked(text: str, status: str) -> str:
    """A figure after the sign of its status; without one where it is ok."""
    return f"{SIGNS[status]}{NBSP}{text}" if status in SIGNS else text


def flag_note(rows: pd.DataFrame) -> str:
    """A sentence with a space before it where some rows are flagged, for charts without marks."""
    if not (rows["status"] == "flagged").any():
        return ""
    return (
        f" {SIGNS['flagged']}{NBSP}Some of these figures failed a reliability check or could not "
        "be checked."
    )


@dataclass(frozen=True)
class Figure:
    """One figure with its interval and status.

    Attributes:
        value: proportion in [0, 1], NaN when unknown.
        low: lower end of the 95 % interval.
        high: upper end.
        n: denominator.
        status: ok, flagged or error.
    """

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    status: str = "ok"

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Figure":
        """The figure in the first of some result rows; unknown when there is none."""
        if rows.empty:
            return cls()
        row = rows.iloc[0]
        low, high = float(row["ci_low"]), float(row["ci_high"])
        return cls(float(row["value"]), low, high, int(row["n"]), str(row["status"]))

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value == self.value

    @property
    def text(self) -> str:
        """The value in percent, with no more digits than its interval supports."""
        return percent(self.value, self.low, self.high)

    @property
    def interval(self) -> str:
        """The interval in percent."""
        return interval(self.low, self.high) if self.known else ""


def at_most(run: FinishedRun, model: str, value: float) -> str:
    """`at most ` before a figure of a black box, unless it is 0 and so cannot be less."""
    return "at most " if model in run.black_boxes and value > 0 else ""


def bound(run: FinishedRun, model: str, upper: bool = True) -> str:
    """The sign before a figure of a black box, empty for others."""
    if model not in run.black_boxes:
        return ""
    return "\N{LESS-THAN OR EQUAL TO}\u202f" if upper else "\N{GREATER-THAN OR EQUAL TO}\u202f"


def ranked(run: FinishedRun) -> list[str]:
    """Models by label set, each in the order of its ranking."""
    rankings = run_rankings(run)
    sets = sorted(rankings, key=[*run.label_sets, *rankings].index)
    return [model for name in sets for model in rankings[name].order]


def labels_of(run: FinishedRun, model: str) -> str:
    """Name of a model's label set, with how many of its classes the model knows if not all."""
    name, scheme = run.own_label_set(model), run.schemes[model]
    if scheme.is_whole or name not in SCHEMES:
        return label_set_name(name)
    total = SCHEMES[name].num_classes
    known = total - len(scheme.lacks(LabelSet(name)))
    return f"{label_set_name(name)} ({known} of {total} classes)"


EIGHT_BITS = "robust_accuracy_8bit"
"""Metric of the worst case when attacked images have 8 bits."""

SPREAD = "robust_accuracy_spread"
"""Metric of a run with `--seeds`: largest minus smallest robust accuracy over the seeds."""


def without_errors(run: FinishedRun) -> FinishedRun:
    """The run with error rows emptied: an error is shown as an error, never as a figure."""
    results = run.results.copy()
    results.loc[results["status"] == "error", ["value", "ci_low", "ci_high"]] = float("nan")
    emptied = FinishedRun(run.folder)
    vars(emptied).update({**vars(run), "results": results})
    return emptied


def own_figures(run: FinishedRun, model: str, headline: Headline | None) -> tuple[Figure, Figure]:
    """Clean accuracy and worst-case robust accuracy of a model under its own labels."""
    own = run.own_label_set(model)
    clean = Figure.of(pick(clean_accuracy(run.results, own), model=model))
    return clean, robust_figure(run, model, headline)


def robust_figure(
    run: FinishedRun, model: str, headline: Headline | None, perturbation: str = WORST_CASE
) -> Figure:
    """Robust accuracy of a model under its own labels at the headline."""
    if headline is None:
        return Figure()
    rows = robust_accuracy(run.results, run.own_label_set(model), headline.norm, perturbation)
    return Figure.of(pick(rows, model=model, eps=headline.eps))


def every_attack_figure(run: FinishedRun, model: str, headline: Headline) -> Figure:
    """Worst case at the headline on the faces that every attack saw.

    Unknown where that is every face, and where no face is robust: then no attack is missed.
    """
    if robust_figure(run, model, headline).value == 0:
        return Figure()
    own = run.own_label_set(model)
    rows = pick(
        run.results, model=model, label_set=own, attacked_labels=own, subset=EVERY_ATTACK,
        perturbation=WORST_CASE, metric="robust_accuracy", norm=headline.norm, eps=headline.eps,
    )  # fmt: skip
    return Figure.of(rows)


def area_figure(run: FinishedRun, model: str, headline: Headline) -> Figure:
    """Area under the security curve of the worst case up to the headline, which ranks models."""
    own = run.own_label_set(model)
    at = {"norm": headline.norm, "eps": headline.eps, "subset": "all"}
    rows = pick(run.results, metric="security_curve_area", label_set=own, attacked_labels=own, **at)
    return Figure.of(pick(rows, model=model, perturbation=WORST_CASE))


def best_known_figure(run: FinishedRun, model: str, headline: Headline) -> Figure:
    """Robust accuracy after verified outside attacks too; unknown where there are none."""
    own = run.own_label_set(model)
    at = {"norm": headline.norm, "eps": headline.eps, "subset": "all"}
    rows = pick(run.results, metric="best_known_accuracy", label_set=own, attacked_labels=own, **at)
    return Figure.of(pick(rows, model=model))


def status_of(run: FinishedRun, model: str, figures: tuple[Figure, ...]) -> tuple[str, str]:
    """Return the worst status of a model under its own labels, and the reason in words.

    A transfer set that failed is listed with the checks: no figure of its source is from it.
    """
    own = run.own_label_set(model)
    checks = pick(run.checks, model=model, attacked_labels=["", own])
    void = checks["rule"].isin(failed_rules(run.checks, model, own, Rank.NONE))
    checks = pd.concat([checks[void], checks[~void]])  # the gravest first
    jobs = [
        job
        for job in run.manifest["perturbations"]
        if job.get("model") == model and job.get("attacked_labels") in ("", own)
        if not job.get("shown")
    ]
    for status in ("error", "flagged"):
        reasons = list(checks.loc[checks["status"] == status, "message"])
        reasons += [
            f"{attack_title(run.manifest, job['perturbation'])} failed: {job['message']}"
            for job in jobs
            if job.get("status") == status
        ]
        if reasons or any(figure.status == status for figure in figures):
            return status, str(
                reasons[0]
            ) if reasons else "One of its figures is an error: see results.csv."
    return "ok", ""
