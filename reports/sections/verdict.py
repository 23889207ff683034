"""The verdict: one sentence per model, from its figures and its checks.

Not here: the table under it (`reports/sections/leaderboard.py`).
"""

from dataclasses import dataclass
from functools import partial

from evaluation.comparing.ranking import run_rankings
from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.sections.figures import (
    Figure,
    area_figure,
    at_most,
    best_known_figure,
    every_attack_figure,
    labels_of,
    own_figures,
    ranked,
    status_of,
)
from reports.words.text import NBSP, THIN, count, face_count


@dataclass(frozen=True)
class Verdict:
    """The verdict on one model.

    Attributes:
        model: model id.
        label_set: name of its own label set.
        sentence: continues after the model's name.
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
    """One verdict per model, best first within its label set."""
    found = [_verdict(run, model, headline) for model in ranked(run)]
    return [verdict for verdict in found if verdict.clean.known or verdict.status != "ok"]


def _verdict(run: FinishedRun, model: str, headline: Headline | None) -> Verdict:
    clean, robust = own_figures(run, model, headline)
    status, note = status_of(run, model, (clean, robust))
    labels = labels_of(run, model)
    if not clean.known:
        sentence = "has no figures in this run."
    elif headline is None and status != "error":
        sentence = (
            f"classifies {clean.text} of faces correctly (95{THIN}% interval {clean.interval}, "
            f"n{NBSP}={NBSP}{count(clean.n)}); no attack was run."
        )
    elif headline is None or not robust.known:
        sentence = (
            f"classifies {clean.text} of faces correctly; it has no valid robust accuracy, "
            "so nothing is known about its robustness."
        )
    else:
        limit = partial(at_most, run, model)
        sentence = (
            f"classifies {clean.text} of faces correctly; {limit(robust.value)}{robust.text} are "
            f"still classified correctly at {headline.text} (95{THIN}% interval "
            f"{robust.interval}, n{NBSP}={NBSP}{count(robust.n)})."
        )
        part = every_attack_figure(run, model, headline)
        if part.known:
            sentence += (
                f" On the {face_count(part.n)} that every attack saw, "
                f"{limit(part.value)}{part.text} are ({part.interval})."
            )
        known = best_known_figure(run, model, headline)
        if known.known and known.value < robust.value:
            sentence += (
                " Verified attacks by others reduce the share of all faces to "
                f"{limit(known.value)}{known.text} ({known.interval})."
            )
        if len(run.models_of(run.own_label_set(model))) > 1:
            area = area_figure(run, model, headline)
            ranks = run_rankings(run)[run.own_label_set(model)].ranges
            use = ", which ranks the models," if model in ranks else ""
            ends = f" ({area.interval})" if area.interval else ""
            sentence += (
                f" The area under its security curve up to {headline.text}{use} is "
                f"{limit(area.value)}{area.text}{ends}."
                if area.known
                else ""
            )
    return Verdict(model, labels, sentence, clean, robust, status, note)
