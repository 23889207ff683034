"""A complete run, from a configuration to its tables: plan, make sets, measure, write.

`clean_answers.py` classifies the clean faces with every model, `jobs.py` plans the sets, `sets.py`
makes them, `measurements.py` predicts again from them, `evaluation/figures/score_run.py` computes
the figures from its rows.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from attacks.precision import Precision
from attacks.sets.store import complete_sets
from attacks.square import Square
from datasets.faceset import FaceSet
from evaluation.checks.rules import Check, was_not_made
from evaluation.checks.sibling import sibling_checks
from evaluation.checks.suite import suite_checks
from evaluation.config import RunConfig
from evaluation.engines.engine import Engine
from evaluation.figures.score_run import write_scores
from evaluation.listener import Listener
from evaluation.results.files import write_arrays, write_table
from evaluation.results.image_rows import StoredRows
from evaluation.results.row_parts import RowParts
from evaluation.results.schema import (
    CHECK_COLUMNS,
    DISPUTED_ARRAYS,
    GALLERY_ARRAYS,
    REGION_ARRAYS,
)
from evaluation.results.transfer_rows import TransferRows, transfer_cells
from evaluation.stages.black_boxes import seconds_per_face, slowness
from evaluation.stages.certificates import certify_models
from evaluation.stages.clean_answers import CleanAnswers, answer_clean
from evaluation.stages.disputed_faces import disputed_faces
from evaluation.stages.face_regions import face_regions
from evaluation.stages.failures import Failures
from evaluation.stages.fingerprints import check_again
from evaluation.stages.first_model import Limited, first_models, is_of, set_apart
from evaluation.stages.foreign_models import refuse_misread
from evaluation.stages.jobs import Job, in_reduced_precision, plan
from evaluation.stages.logits_cache import LogitsCache
from evaluation.stages.measurements import Measurements
from evaluation.stages.repeated_attacks import repeat_attacks
from evaluation.stages.residence import Residence
from evaluation.stages.sets import Outcome, found_elsewhere, make_sets
from evaluation.tier_attacks import is_black_box, knows
from fer_models.classifier import Classifier


def evaluate_run(
    config: RunConfig,
    faces: FaceSet,
    classifiers: Sequence[Classifier],
    out: Path,
    given: Path | None,
    listener: Listener,
    engine: Engine | None = None,
) -> list[dict[str, Any]]:
    """Measure everything and write the run's tables and gallery.

    Args:
        config: what to measure.
        faces: the data, already limited.
        classifiers: in the order of the report.
        out: run folder.
        given: folder of sets made elsewhere, if any.
        listener: receives the progress.
        engine: makes sets, classifies them and probes attacks; None for this process.

    Returns:
        Entries of the manifest's `perturbations`.

    Raises:
        InputError: every model fails on the clean faces, or see `plan` and `make_sets`.
    """
    failures, residence = Failures(listener), Residence(len(classifiers))
    with listener.stages.stage("clean answers"):
        faces = faces.with_run_groups()
        clean = answer_clean(faces, classifiers, failures, residence)
    with RowParts(out) as rows, TransferRows(out) as transfers:
        return _measure(
            config, faces, clean, classifiers, out, given, failures, listener, rows, transfers,
            residence, engine,
        )  # fmt: skip


def _measure(
    config: RunConfig,
    faces: FaceSet,
    clean: CleanAnswers,
    classifiers: Sequence[Classifier],
    out: Path,
    given: Path | None,
    failures: Failures,
    listener: Listener,
    rows: RowParts,
    transfers: TransferRows,
    residence: Residence,
    engine: Engine | None,
) -> list[dict[str, Any]]:
    """Measure everything else; see `evaluate_run`."""
    stage = listener.stages.stage
    cache = LogitsCache(out / "answers")
    measured = Measurements(
        faces, clean, cache, failures, listener, rows, transfers, residence, engine
    )
    jobs = plan(config, faces, clean.classifiers)
    if config.precision is Precision.AUTO:
        jobs = in_reduced_precision(jobs, faces, listener, residence)
    elsewhere = complete_sets(given) if given else {}
    if given is not None:
        listener.line(f"--adversarial: {given} holds {found_elsewhere(jobs, faces, elsewhere)}")
    with stage("checks of models"):
        measured.check_models(config)
    refuse_misread(config.models, classifiers, measured.checks)
    _warn(config, clean, measured.checks, jobs, listener)
    records: list[dict[str, Any]] = []
    done: dict[Job, Path] = {}
    by_id = {classifier.id: classifier for classifier in clean.classifiers}

    def make(some: Sequence[Job]) -> None:
        made = make_sets(
            some, faces, out / "sets", elsewhere, listener, done, engine, clean.predicted
        )
        outcomes = residence.after(
            listener.stages.making("attacks and corruptions", made), lambda made: made.job.models
        )
        for for_all, group in groupby(outcomes, lambda outcome: outcome.job.is_for_all):
            together: Iterable[Outcome] = list(group) if for_all else group  # noqa: B031, one of them
            if for_all:
                with stage("answers to them"):
                    measured.answer_by_model(together)
            for outcome in together:
                with stage("answers to them"):
                    measured.add(outcome)
                records.append(outcome.record())

    others, limited = set_apart(config, faces, clean.classifiers, jobs)
    make(others)
    while mine := _of_first(config, clean, rows, limited):  # now others may rank first
        make([each.on_all_faces for each in mine])
        limited = [each for each in limited if each not in mine]
    make([each.job for each in limited])
    with stage("probes of attacks"):
        measured.probe_strongest()
    with stage("certificates"):
        for record, certified in certify_models(config, faces, clean, out, listener):
            records.append(record)
            residence.used(by_id[record["model"]])
            if certified is not None:
                rows.add(certified)
    records += failures.entries
    with stage("explanations"):
        measured.explain_strongest()
    write_arrays(measured.gallery(), GALLERY_ARRAYS, out / "gallery.npz")
    write_arrays(disputed_faces(faces), DISPUTED_ARRAYS, out / "disputed.npz")
    write_arrays(face_regions(faces, config), REGION_ARRAYS, out / "regions.npz")
    with stage("other seeds"):
        repeat_attacks(
            config, faces, clean.classifiers, out, elsewhere, listener, residence, engine
        )
    with stage("checks of models"):
        again = check_again(clean.classifiers, out)
    measured.checks += again
    _tell(again, listener)
    failed = [record for record in records if record["status"] != "ok"]
    with stage("figures"):
        _write_tables(config, faces, clean, measured, rows, transfers, failed, out)
    return records


def _of_first(
    config: RunConfig, clean: CleanAnswers, rows: RowParts, limited: Sequence[Limited]
) -> list[Limited]:
    """Jobs with a limit on faces, not done yet, for the models that rank first so far."""
    if not limited:
        return []
    chosen = first_models(config, clean.classifiers, rows.rows)
    return [each for each in limited if is_of(each.job, chosen)]


def _warn(
    config: RunConfig,
    clean: CleanAnswers,
    checks: Sequence[Check],
    jobs: Sequence[Job],
    listener: Listener,
) -> None:
    """Report random and slow models and the attacks left out, before anything is attacked."""
    _tell([entry for entry in checks if entry["rule"] == "R11"], listener)
    attacked = {job.classifier.id: job.classifier for job in jobs if job.classifier}
    for classifier in attacked.values():
        queries = sum(
            len(job.rows) * len(job.spec.grid) * job.spec.options["queries"]
            for job in jobs
            if job.classifier is classifier and job.spec.perturbation == Square.name
        )
        if queries and is_black_box(classifier):
            seconds = seconds_per_face(classifier, clean.images)
            if warning := slowness(classifier, seconds, queries):
                listener.line(warning)
    if strangers := [a.name for a in config.attacks if not knows(a, config.norm)]:
        listener.line(f"left out, not defined for {config.norm}: {', '.join(strangers)}")


def _tell(checks: Sequence[Check], listener: Listener) -> None:
    """Report those of some checks that flag a model or could not be made."""
    for entry in checks:
        if entry["status"] == "flagged" or was_not_made(entry):
            listener.line(f"{entry['model']}: {entry['message']}")


def _write_tables(
    config: RunConfig,
    faces: FaceSet,
    clean: CleanAnswers,
    measured: Measurements,
    rows: RowParts,
    transfers: TransferRows,
    failed: list[dict[str, Any]],
    out: Path,
) -> None:
    """Write the rows of all images, the checks (some need all rows), and the figures."""
    schemes = {classifier.id: classifier.scheme for classifier in clean.classifiers}
    transfers.finish()
    checks = [
        *measured.checks,
        *sibling_checks(transfer_cells(out), rows.rows),
        *suite_checks(rows.rows, schemes, config, measured.by_answers),
    ]
    table = pd.DataFrame(checks, columns=list(CHECK_COLUMNS)).astype(CHECK_COLUMNS)
    rows.finish()
    write_table(table, CHECK_COLUMNS, out / "checks.parquet")
    weights = {classifier.id: classifier.weights_sha256 for classifier in clean.classifiers}
    images, names = StoredRows.of_run(out), faces.label_names
    write_scores(out, config, schemes, weights, images, table, failed, names)
