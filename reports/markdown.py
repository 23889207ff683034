"""`report.md`: the report in a screenful, for a pull request or a log.

Verdict, leaderboard and flags as GitHub-flavoured Markdown, from the same figures as `index.html`.
A figure that is flagged there is flagged here.
"""

import re

from evaluation.comparing.ranking import Ranking, run_rankings
from evaluation.results.model_notes import class_notes, service_notes
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import headline, pick
from reports.paper.printed import Printed, board_notes, printed_boards
from reports.sections.figures import SIGNS, without_errors
from reports.sections.method import tier_note
from reports.sections.reliability import reliability
from reports.sections.selection import split_note
from reports.sections.verdict import Verdict, verdicts
from reports.subgroups import subgroup_panel
from reports.words.text import (
    data_name,
    faces_text,
    label_set_name,
    labels_named,
    listing,
    thin_thousands,
)

SUMMARY = "report.md"

MOST_PROBLEMS = 10
"""Maximum number of flags listed; the rest are in index.html."""


def render_markdown(run: FinishedRun) -> str:
    """The summary as Markdown. The same run gives the same text."""
    with labels_named(run.label_names):
        return _rendered(run)


def _rendered(run: FinishedRun) -> str:
    data, run = run.manifest["data"], without_errors(run)
    top = headline(run.results)
    models = f"{len(run.models)} model{'' if len(run.models) == 1 else 's'}"
    labels = listing([label_set_name(name) for name in run.label_sets])
    lead = f"{faces_text(data)}, {labels} labels, seed {run.manifest['config']['seed']}."
    if data["generated"]:
        lead = f"**Generated faces.** {data['notice']}\n\n{lead}"
    found = verdicts(run, top)
    parts = [f"# Deadpan: {models} on {escaped(data_name(data))}, {data['split']}", lead]
    for label_set in dict.fromkeys(one.label_set for one in found):
        parts.append(_verdict(run, [one for one in found if one.label_set == label_set]))
    parts += filter(None, [tier_note(run), split_note(run)])
    models_of = run.manifest["models"]
    notes = [*class_notes(models_of, run.label_names), *service_notes(models_of)]
    parts += [escaped(thin_thousands(note)) for note in notes]
    parts += [markdown_table(one.short()) for one in printed_boards(run, top)]
    if groups := subgroup_panel(run, top):
        parts.append(
            "**Groups of faces**\n\n" + "\n".join(f"- {escaped(g)}" for g in groups.findings)
        )
    parts += _seeds(run)
    parts += _flags(run)
    parts.append(
        f"{board_notes(run, top)} {SIGNS['flagged']} marks figures that failed a reliability check "
        "or could not be checked. "
        "Curves, faces, corruptions, calibration and method are in `index.html`; every figure is "
        "in `results.csv`."
    )
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Escape text from outside for Markdown: one line, no markup, no links."""
    return re.sub(r"([\\`*_\[\]<>|~#@&$])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return text from outside as a code span that is safe inside a table."""
    plain = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`"


def _verdict(run: FinishedRun, found: list[Verdict]) -> str:
    """Return the best model of a label set in a sentence, and how many models are flagged."""
    first = found[0]
    sign = f" {SIGNS[first.status]}" if first.status in SIGNS else ""
    text = f"**Under {escaped(first.label_set)} labels** {code(first.model)} {first.sentence}{sign}"
    if len(found) == 1:
        return text
    ranking = run_rankings(run)[run.own_label_set(first.model)]
    if first.model in ranking.ranges:
        text += _place(ranking, first.model)
    bad = sum(one.status != "ok" for one in found)
    marked = f" {bad} of the {len(found)} models {'is' if bad == 1 else 'are'} flagged."
    return text + marked * (bad > 0)


def _place(ranking: Ranking, model: str) -> str:
    """That a model ranks first, and how surely."""
    ties = ranking.not_distinguishable(model)
    rest = len(ranking.ranges) - 1
    others = f"{len(ties)} of the others" if len(ties) < rest else "the other" + "s" * (rest > 1)
    tied = f" but is not distinguishable from {others}" if ties else ""
    provisional = model in ranking.provisional
    place = "provisionally ranks" if provisional else "ranks"
    text = f" It {place} first of {len(ranking.ranges)}{tied}."
    if provisional:
        failed = listing(ranking.provisional[model])
        text += f" A check of its attack failed ({failed}), so the rank may be too good."
    return text


def markdown_table(table: Printed) -> str:
    """A table as Markdown, columns of numbers aligned to the right."""
    lines = [
        _line([_in_cell(title) for title in table.head]),
        _line(["---", *("---:" if numbers else "---" for numbers in table.numeric[1:])]),
    ]
    for (first, *rest), status in zip(table.rows, table.statuses, strict=True):
        name = code(first) if table.of_models else _in_cell(first)
        name = " ".join(filter(None, [name, SIGNS.get(status, "")]))
        lines.append(_line([name, *map(_in_cell, rest)]))
    return "\n".join(lines)


def _seeds(run: FinishedRun) -> list[str]:
    """Robust accuracy of each seed at the headline eps; nothing for a run with one seed."""
    top = headline(run.results)
    if top is None:
        return []
    rows = pick(run.results, metric="robust_accuracy_spread", perturbation=WORST_CASE, eps=top.eps)
    lines = [
        f"- {code(row.model)}, {escaped(label_set_name(row.label_set))} labels: "
        f"{escaped(row.detail)}"
        for row in rows.itertuples()
    ]
    return ["Worst case at the headline eps, attacks repeated:", "\n".join(lines)] if lines else []


def _flags(run: FinishedRun) -> list[str]:
    box = reliability(run)
    if not box.total and not box.problems:
        return []
    lines = [
        f"- {SIGNS.get(one.status, '')} {escaped(one.where)}: {escaped(one.message)}"
        for one in box.problems[:MOST_PROBLEMS]
    ]
    if len(box.problems) > MOST_PROBLEMS:
        lines.append(f"- {len(box.problems) - MOST_PROBLEMS} more in `index.html`")
    title = f"**{box.tally}**"
    return [title, "\n".join(lines)] if lines else [title]


def _in_cell(text: str) -> str:
    """Escape text for a cell, where `<1 %` and spaces that do not break stay as they are."""
    return re.sub(r"([\\`*_\[\]|~#@&$]|<(?=[^\d.]))", r"\\\1", text.replace("\n", " "))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
