"""From a configuration to a finished run folder: attack, predict again from disk, summarise.

Each stage reads what the one before wrote, so a killed run reuses every finished chunk. A failing
attack becomes an error row, not a lost run (R24).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.registry import ATTACKS, attack_spec, corruption_spec
from attacks.spec import SetSpec
from attacks.store import AdversarialSet, CorruptedSet, find_set
from attacks.sweep import make_adversarial_set, make_corrupted_set
from datasets.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import NO_LABEL, SCHEMES
from evaluation import gallery
from evaluation.checks import model_checks, set_checks, suite_checks
from evaluation.comparisons import compare_models
from evaluation.config import RunConfig
from evaluation.per_image import attacked_lines, clean_lines, corrupted_lines, join_lines
from evaluation.results import (
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    PER_IMAGE_COLUMNS,
    RESULT_COLUMNS,
    write_gallery,
    write_table,
)
from evaluation.status import with_status
from evaluation.summarise import summarise
from fer_models.classifier import Classifier, DifferentiableClassifier


@dataclass(frozen=True)
class Listener:
    """Who hears how a run goes on.

    Attributes:
        line: told one line for each finished step.
        chunk: told (name of the set, chunks done, all chunks) after each chunk.
    """

    line: Callable[[str], None]
    chunk: Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Job:
    """One set to make: a perturbation, and for an attack the model and labels it attacks.

    Attributes:
        spec: what is done to the images.
        rows: int64 (N,), rows of the FaceSet that take part.
        classifier: attacked model; None for a corruption.
        labels: int64 (N,) in the model's classes; None for a corruption.
    """

    spec: SetSpec
    rows: np.ndarray
    classifier: Classifier | None = None
    labels: np.ndarray | None = None

    @property
    def name(self) -> str:
        """Folder name of the set, and how people read it."""
        source = (
            f"{Path(self.classifier.id).name}-{self.spec.attacked_labels}-"
            if self.classifier
            else ""
        )
        norm = f"-{self.spec.norm}" if self.spec.norm else ""
        return f"{source}{self.spec.perturbation}{norm}"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a job: its set, or the error that ended it."""

    job: Job
    made: AdversarialSet | CorruptedSet | None
    error: str = ""

    def record(self) -> dict[str, Any]:
        """Entry of the manifest's `perturbations`."""
        spec = self.job.spec
        entry: dict[str, Any] = {
            "perturbation": spec.perturbation,
            "norm": spec.norm or "",
            "grid": list(spec.grid),
            "options": spec.options,
            "attacked_labels": spec.attacked_labels,
            "model": self.job.classifier.id if self.job.classifier else "",
            "status": "error" if self.error else "ok",
            "message": self.error,
        }
        if self.made is None:
            return entry
        entry |= {
            "key": self.made.header.key,
            "seconds": round(float(self.made.seconds.sum()), 3),
            "chunks": len(self.made.header.chunks),
            "reused_chunks": self.made.reused_chunks,
        }
        if isinstance(self.made, AdversarialSet):
            entry |= {
                "forward": int(self.made.forward.sum()),
                "backward": int(self.made.backward.sum()),
            }
        return entry


def plan(config: RunConfig, faces: FaceSet, classifiers: Sequence[Classifier]) -> list[Job]:
    """All sets of a run, corruptions first, then model by model.

    Raises:
        InputError: the data lacks a label set, or a model's classes cannot be scored by it.
    """
    jobs = [
        Job(corruption_spec(name, config.severities, seed=config.seed), np.arange(len(faces)))
        for name in config.corruptions
    ]
    for classifier in classifiers:
        if classifier.scheme not in SCHEMES.values():
            raise InputError(
                f"{classifier.id}: classes must be those of fer or ferplus to be scored on faces; "
                f"got {', '.join(classifier.scheme.classes)}."
            )
        for label_set in config.labels:
            if label_set not in faces.label_sets:
                raise InputError(
                    f"{faces.name} has no {label_set} labels. Give --votes FILE for ferplus, or "
                    f"leave {label_set} out of --labels."
                )
            labels = faces.labels(label_set).to(classifier.scheme).values
            rows = np.flatnonzero(labels != NO_LABEL)
            for attack in config.attacks:
                _check_gradients(classifier, attack.name)
                spec = attack_spec(
                    attack.name,
                    config.norm,
                    config.eps,
                    label_set,
                    seed=config.seed,
                    **attack.options,
                )
                jobs.append(Job(spec, rows, classifier, labels[rows]))
    return jobs


def _check_gradients(classifier: Classifier, attack: str) -> None:
    """Refuse a black box under a gradient attack before anything is attacked."""
    wants = attack in ATTACKS and ATTACKS[attack].needs_gradients
    if wants and not isinstance(classifier, DifferentiableClassifier):
        raise InputError(
            f"{classifier.id} gives no gradients, which {attack} needs. "
            "Name a Keras model: the tiers attack no black boxes yet."
        )


def make_sets(
    jobs: list[Job], faces: FaceSet, sets: Path, given: Path | None, listener: Listener
) -> Iterator[Outcome]:
    """Make every set, or take it back from disk.

    Args:
        jobs: from `plan`.
        faces: the images.
        sets: folder of the run's sets.
        given: folder of sets made elsewhere (`--adversarial`), looked at first.
        listener: told about chunks and finished sets.

    Raises:
        InputError: a set on disk belongs to other data or settings, or is damaged.
    """
    for job in jobs:
        part = faces.take(job.rows)
        try:
            made = _make_set(job, part, sets, given, listener)
        except InputError:
            raise
        except Exception as error:  # R24: whatever an attack or a model dies of is a result
            message = f"{type(error).__name__}: {' '.join(str(error).split())}"
            listener.line(f"{job.name}: failed, {message}")
            yield Outcome(job, None, message)
            continue
        reused = f" ({made.reused_chunks} of {len(made.header.chunks)} chunks reused)"
        for line in made.lines():
            source = f"{job.classifier.id} {job.spec.attacked_labels}: " if job.classifier else ""
            listener.line(f"{source}{line}{reused if made.reused_chunks else ''}")
        yield Outcome(job, made)


def _make_set(
    job: Job, faces: FaceSet, sets: Path, given: Path | None, listener: Listener
) -> AdversarialSet | CorruptedSet:
    images = faces.images.astype(np.float32) / 255
    weights = job.classifier.weights_sha256 if job.classifier else None
    key = job.spec.key(faces.sha256, job.labels, weights)
    on_chunk = partial(listener.chunk, job.name)
    directory = (find_set(key, [given]) if given else None) or sets / f"{job.name}-{key[:8]}"
    if job.classifier is None or job.labels is None:
        return make_corrupted_set(
            images,
            faces.row_ids,
            job.spec,
            faces_sha256=faces.sha256,
            directory=directory,
            on_chunk=on_chunk,
        )
    return make_adversarial_set(
        job.classifier,
        images,
        job.labels,
        faces.row_ids,
        job.spec,
        faces_sha256=faces.sha256,
        directory=directory,
        on_chunk=on_chunk,
    )


def evaluate_run(
    config: RunConfig,
    faces: FaceSet,
    classifiers: Sequence[Classifier],
    out: Path,
    given: Path | None,
    listener: Listener,
) -> list[dict[str, Any]]:
    """Measure everything and write the run's tables and gallery.

    Args:
        config: what to measure.
        faces: the data, already limited.
        classifiers: in the order of the report.
        out: run folder.
        given: see `make_sets`.
        listener: see `make_sets`.

    Returns:
        Entries of the manifest's `perturbations`.
    """
    images = faces.images.astype(np.float32) / 255
    clean = {c.id: c.logits(images) for c in classifiers}
    parts = [clean_lines(faces, c, clean[c.id]) for c in classifiers]
    checks = [check for c in classifiers for check in model_checks(c, images, clean[c.id])]
    outcomes, galleries = [], []
    for outcome in make_sets(
        plan(config, faces, classifiers), faces, out / "sets", given, listener
    ):
        outcomes.append(outcome)
        job, made = outcome.job, outcome.made
        if isinstance(made, CorruptedSet):
            parts += [corrupted_lines(faces, c, clean[c.id], made) for c in classifiers]
        elif isinstance(made, AdversarialSet) and job.classifier:
            logits = clean[job.classifier.id][job.rows]
            lines = attacked_lines(faces.take(job.rows), job.classifier, logits, made)
            parts.append(lines)
            checks += set_checks(job.classifier, made, lines)
            if _shown(job, config):
                galleries.append(gallery.examples(job.classifier, made, images[job.rows], lines))
    per_image = join_lines(parts)
    write_table(per_image, PER_IMAGE_COLUMNS, out / "per_image.parquet")
    write_gallery(gallery.join(galleries, faces.images.shape[1:]), out / "gallery.npz")
    failed = [outcome.record() for outcome in outcomes if outcome.error]
    _write_figures(config, classifiers, per_image, checks, failed, out)
    return [outcome.record() for outcome in outcomes]


def _shown(job: Job, config: RunConfig) -> bool:
    """The gallery shows the last attack of the preset, on the labels a model was trained on."""
    return (
        job.classifier is not None
        and job.spec.perturbation == config.attacks[-1].name
        and job.spec.attacked_labels == job.classifier.scheme.name
    )


def _write_figures(
    config: RunConfig,
    classifiers: Sequence[Classifier],
    per_image: pd.DataFrame,
    checks: list[dict[str, Any]],
    failed: list[dict[str, Any]],
    out: Path,
) -> None:
    schemes = {c.id: c.scheme for c in classifiers}
    results = summarise(per_image, schemes, config.labels, config.eps, config.split, config.seed)
    checks = checks + suite_checks(per_image, schemes, config)
    table = pd.DataFrame(checks, columns=list(CHECK_COLUMNS)).astype(CHECK_COLUMNS)
    results = with_status(results, table, failed, config)
    comparisons = compare_models(per_image, schemes, config.labels, config.norm, config.eps)
    write_table(table, CHECK_COLUMNS, out / "checks.parquet")
    write_table(comparisons, COMPARISON_COLUMNS, out / "comparisons.parquet")
    write_table(results, RESULT_COLUMNS, out / "results.parquet")
    write_table(results, RESULT_COLUMNS, out / "results.csv")
