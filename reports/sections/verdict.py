"""The verdict: one sentence a model, from its figures and its checks.

Not here: the table under it (`reports/sections/leaderboard.py`).
"""

from dataclasses import dataclass

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, black_boxes
from reports.sections.figures import Figure, best_known_figure, own_figures, ranked, standing
from reports.words.text import NBSP, THIN, count, label_set_name


@dataclass(frozen=True)
class Verdict:
    """What is said of one model first.

    Attributes:
        model: model id.
        label_set: its own label set, for reading.
        sentence: goes on after the model's name.
        clean: accuracy on clean faces.
        robust: worst-case robust accuracy at the headline.
        status: the worst of ok, flagged, error.
        note: why it is not ok.
    """

    model: str
    label_set: str
    sentence: str
    clean: Figure
    robust: Figure
    status: str
    note: str


def verdicts(run: FinishedRun, headline: Headline | None) -> list[Verdict]:
    """One verdict a model, best first within its label set."""
    found = [_verdict(run, model, headline) for model in ranked(run, headline)]
    return [verdict for verdict in found if verdict.clean.known or verdict.status != "ok"]


def _verdict(run: FinishedRun, model: str, headline: Headline | None) -> Verdict:
    clean, robust = own_figures(run, model, headline)
    status, note = standing(run, model, (clean, robust))
    labels = label_set_name(run.own_label_set(model))
    if not clean.known:
        sentence = "gave no figure in this run."
    elif headline is None and status != "error":
        sentence = (
            f"reads {clean.text} of faces (95{THIN}% interval {clean.interval}, "
            f"n{NBSP}={NBSP}{count(clean.n)}); no attack was run."
        )
    elif headline is None or not robust.known:
        sentence = (
            f"reads {clean.text} of faces; the attack gave no figure, "
            "so nothing is known about its robustness."
        )
    else:
        limit = "at most " if model in black_boxes(run.results) else ""
        sentence = (
            f"reads {clean.text} of faces; {limit}{robust.text} survive {headline.text} "
            f"(95{THIN}% interval {robust.interval}, n{NBSP}={NBSP}{count(robust.n)})."
        )
        known = best_known_figure(run, model, headline)
        if known.known and known.value < robust.value:
            sentence += f" Verified outside attacks leave {known.text} ({known.interval})."
    return Verdict(model, labels, sentence, clean, robust, status, note)
