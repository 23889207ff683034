"""The report of a run: the page, made from its template, and its summary in Markdown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from datasets.base.atomic import atomic
from evaluation.results.model_notes import class_notes, input_notes, service_notes
from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, has_best_known, headline
from reports.charts.svg import theme_css
from reports.contents import parts
from reports.findings import findings
from reports.markdown import SUMMARY, render_markdown
from reports.sections.attacks_run import mixed_note
from reports.sections.corruptions import corruption_note
from reports.sections.figures import without_errors
from reports.sections.gallery import examples
from reports.sections.leaderboard import ranking_sentence, reading_sentence
from reports.sections.manifest import facts, manifest_text
from reports.sections.method import attack_words, power_sentences, seed_sentences, tier_note
from reports.sections.reliability import rules
from reports.sections.selection import selected_on, split_note
from reports.template_parts import TEMPLATES, svgs, template_environment
from reports.words.glossary import GLOSSARY
from reports.words.text import (
    data_name,
    face_count,
    label_set_name,
    labels_named,
    thin_thousands,
)

PAGE = "index.html"
MOST_BYTES = 15_000_000
"""Largest size of the page; the gallery shrinks to fit."""

OPEN_MODELS = 4
"""With more models than this, all charts per model but the first are collapsed."""

OPEN_VERDICTS = 8
"""With more models than this under one kind of labels, the verdicts on the others are collapsed."""

Progress = Callable[[str], None]


def render(run: FinishedRun, progress: Progress = lambda _: None) -> str:
    """The whole page as HTML. The same run gives the same text.

    Args:
        run: a finished run.
        progress: called with the name of each section before it is drawn.
    """
    with labels_named(run.label_names):
        return _rendered(without_errors(run), progress)


def _rendered(run: FinishedRun, progress: Progress) -> str:
    environment = template_environment()
    top = headline(run.results)
    values: dict[str, Any] = {}
    for part in parts(run, top):
        progress(part.name.replace("_", " "))
        values[part.name] = part.make()
    page = _filled(environment, run, top, values)
    excess = len(page.encode()) - MOST_BYTES
    if excess > 0:
        shown, _ = values["gallery"]
        room = sum(example.bytes for example in shown) - excess
        values["gallery"] = examples(run, room)
        page = _filled(environment, run, top, values)
    return page


def _filled(
    environment: jinja2.Environment, run: FinishedRun, top: Headline | None, values: dict[str, Any]
) -> str:
    """Fill the template with the sections and everything that is quick to make."""
    return environment.get_template("report.html").render(
        **values,
        findings=findings(run, top, values),
        data=run.manifest["data"],
        headline=top,
        label_set_names=[label_set_name(name) for name in run.label_sets],
        both_names=_both_names(run),
        data_name=data_name(run.manifest["data"]),
        rows=face_count(run.manifest["data"]["rows"]),
        models=len(run.models),
        open_models=OPEN_MODELS,
        open_verdicts=OPEN_VERDICTS,
        attacks=attack_words(run),
        best_known=has_best_known(run.results),
        limits=bool(run.black_boxes),
        corruption_note=corruption_note(run),
        powers=[*power_sentences(run, top), *seed_sentences(run, top)],
        selected=selected_on(run),
        split_note=split_note(run),
        tier_note=tier_note(run),
        class_notes=[*map(thin_thousands, class_notes(run.manifest["models"], run.label_names))],
        input_notes=input_notes(run.manifest["models"]),
        service_notes=[*map(thin_thousands, service_notes(run.manifest["models"]))],
        ranking_sentence=ranking_sentence(run, top),
        reading_sentence=reading_sentence(run, top),
        mixed_note=mixed_note(run, run.models, top.norm) if top else "",
        rules=rules(),
        glossary=GLOSSARY,
        facts=facts(run),
        manifest=manifest_text(run),
        themes={"light": Markup(theme_css(False)), "dark": Markup(theme_css(True))},
        css=Markup((TEMPLATES / "report.css").read_text()),
        js=Markup("\n".join((TEMPLATES / name).read_text() for name in ("cues.js", "report.js"))),
        version=run.manifest.get("deadpan_version", ""),
        svgs=svgs,
    )


def _both_names(run: FinishedRun) -> list[str]:
    """What the two label sets are called; how they differ where foreign data have one only."""
    if len(run.label_sets) < 2 and run.label_names:
        return ["Seven classes", "eight"]
    return [label_set_name("fer"), label_set_name("ferplus")]


def write_report(run_folder: Path, progress: Progress = lambda _: None) -> Path:
    """Write `index.html` and `report.md` into a run folder, atomically.

    Args:
        run_folder: written by `python -m evaluation.run`.
        progress: called with the name of each section before it is drawn.

    Returns:
        Path of the page.

    Raises:
        InputError: a file of the run is missing or has another schema.
    """
    run = FinishedRun(run_folder)
    for name, text in ((SUMMARY, render_markdown(run)), (PAGE, render(run, progress))):
        with atomic(run_folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline="\n")
    return run_folder / PAGE
