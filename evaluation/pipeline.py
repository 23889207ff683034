"""From a configuration to a finished run folder: attack, predict again from disk, summarise.

Each stage reads what the one before wrote, so a killed run reuses every finished chunk. A failing
attack becomes an error row, not a lost run (R24).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.precision import Precision
from attacks.quick import passes, quicken
from attacks.registry import ATTACKS, attack_spec, corruption_spec
from attacks.spec import SetSpec
from attacks.store import AdversarialSet, AnySet, CorruptedSet, TransferSet, find_set, open_set
from attacks.sweep import make_adversarial_set, make_corrupted_set, make_transfer_set
from attacks.transfer import Transfer, TransferTarget
from datasets.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import NO_LABEL, SCHEMES
from evaluation import gallery
from evaluation.attack_probes import can_probe, probe_attack
from evaluation.black_boxes import (
    black_box_checks,
    is_black_box,
    seconds_per_face,
    slowness,
)
from evaluation.certificates import certify_models, one_line
from evaluation.checks import model_checks, set_checks, suite_checks
from evaluation.config import RunConfig, headline_eps
from evaluation.disputed_faces import disputed_faces
from evaluation.explanation_shift import explain
from evaluation.face_regions import face_regions
from evaluation.per_image import attacked_lines, clean_lines, corrupted_lines, join_lines
from evaluation.results import (
    CHECK_COLUMNS,
    DISPUTED_ARRAYS,
    GALLERY_ARRAYS,
    PER_IMAGE_COLUMNS,
    REGION_ARRAYS,
    TRANSFER_COLUMNS,
    write_arrays,
    write_table,
)
from evaluation.scoring import write_scores
from evaluation.transfer_matrix import join_transfers, sibling_checks, stand_ins, transfer_lines
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.reduced_precision import reduced_sha256


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
        sources: of a black box attacked through others: models that give the gradients.
        shown: whether the images are kept at full eps and shown to the other models.
        not_applicable: why this attack cannot be made on this model; empty when it can.
        quick: the model as this attack asks it, in reduced precision; None for `classifier`.
    """

    spec: SetSpec
    rows: np.ndarray
    classifier: Classifier | None = None
    labels: np.ndarray | None = None
    sources: tuple[DifferentiableClassifier, ...] = ()
    shown: bool = False
    not_applicable: str = ""
    quick: Classifier | None = None

    @property
    def name(self) -> str:
        """Folder name of the set, and how people read it."""
        source = (
            f"{Path(self.classifier.id).name}-{self.spec.attacked_labels}-"
            if self.classifier
            else ""
        )
        norm = f"-{self.spec.norm}" if self.spec.norm else ""
        return f"{source}{self.spec.perturbation}{norm}{'-shown' if self.shown else ''}"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a job: its set, or why there is none."""

    job: Job
    made: AnySet | None
    error: str = ""

    @property
    def status(self) -> str:
        """`ok`, `error` or `not applicable`."""
        return "not applicable" if self.job.not_applicable else "error" if self.error else "ok"

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
            "status": self.status,
            "message": self.error or self.job.not_applicable,
        }
        if self.job.sources:
            entry["sources"] = [source.id for source in self.job.sources]
        if self.job.shown:
            entry["shown"] = True
        if self.made is None:
            return entry
        entry |= {
            "key": self.made.header.key,
            "seconds": round(float(self.made.seconds.sum()), 3),
            "chunks": len(self.made.header.chunks),
            "reused_chunks": self.made.reused_chunks,
        }
        if isinstance(self.made, AdversarialSet | TransferSet):
            entry |= {
                "precision": self.made.header.precision,
                "forward": int(self.made.forward.sum()),
                "backward": int(self.made.backward.sum()),
            }
        return entry


def plan(config: RunConfig, faces: FaceSet, classifiers: Sequence[Classifier]) -> list[Job]:
    """All sets of a run, corruptions first, then model by model.

    Raises:
        InputError: the data lacks a label set, a model's classes cannot be scored by it, or the
            norm is one that no attack knows.
    """
    attacks = [attack for attack in config.attacks if config.norm in ATTACKS[attack.name].norms]
    if config.attacks and not attacks:
        raise InputError(
            f"no attack of tier {config.tier} knows norm {config.norm}. Take another --norm, or "
            "--tier standard."
        )
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
            black_box = is_black_box(classifier)
            for attack in attacks:
                spec = attack_spec(
                    attack.name,
                    config.norm,
                    config.eps,
                    label_set,
                    seed=config.seed,
                    **attack.options,
                )
                part = rows[rows < attack.limit] if attack.limit else rows
                if len(part) and (black_box or not attack.black_boxes_only):
                    through = black_box and ATTACKS[attack.name] is Transfer
                    sources = tuple(stand_ins(classifier, classifiers)) if through else ()
                    blind = black_box and ATTACKS[attack.name].needs_gradients and not sources
                    why = "the model gives no gradients" if blind else ""
                    jobs.append(
                        Job(spec, part, classifier, labels[part], sources, not_applicable=why)
                    )
    return [*jobs, *_shown_jobs(config, faces, classifiers)]


def _shown_jobs(
    config: RunConfig, faces: FaceSet, classifiers: Sequence[Classifier]
) -> Iterator[Job]:
    """Of every model that gives gradients the images that all models are shown."""
    eps = headline_eps(config.eps, config.norm)
    if config.transfer is None or len(classifiers) < 2 or not eps:
        return
    name, options, limit = config.transfer.name, config.transfer.options, config.transfer.limit
    if config.norm not in ATTACKS[name].norms:
        return
    for classifier in classifiers:
        for label_set in () if is_black_box(classifier) else config.labels:
            labels = faces.labels(label_set).to(classifier.scheme).values
            rows = np.flatnonzero(labels[:limit] != NO_LABEL)
            spec = attack_spec(name, config.norm, (eps,), label_set, seed=config.seed, **options)
            if len(rows):
                yield Job(spec, rows, classifier, labels[rows], shown=True)


def quick_jobs(jobs: list[Job], faces: FaceSet, listener: Listener) -> list[Job]:
    """The jobs, those that may with their model in reduced precision; each model is tried once."""
    quick = [job for job in jobs if job.classifier and ATTACKS[job.spec.perturbation].quick]
    chosen: dict[str, Classifier] = {}
    for job in quick:
        assert job.classifier is not None and job.labels is not None
        if job.classifier.id in chosen or job.sources or is_black_box(job.classifier):
            continue
        mine = [other for other in quick if other.classifier is job.classifier]
        part = faces.take(job.rows)
        chosen[job.classifier.id], why = quicken(
            job.classifier,
            part.images.astype(np.float32) / 255,
            job.labels,
            part.row_ids,
            [other.spec for other in mine],
            sum(passes(other.spec, len(other.rows)) for other in mine),
        )
        if why:
            listener.line(f"{job.classifier.id}: {chosen[job.classifier.id].precision}, {why}")
    return [
        replace(job, quick=chosen.get(job.classifier.id))
        if job.classifier and ATTACKS[job.spec.perturbation].quick and not job.sources
        else job
        for job in jobs
    ]


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
        if job.not_applicable:
            listener.line(f"{job.name}: not applicable, {job.not_applicable}")
            yield Outcome(job, None)
            continue
        part = faces.take(job.rows)
        try:
            made = _make_set(job, part, sets, given, listener)
        except InputError:
            raise
        except Exception as error:  # R24: whatever an attack or a model dies of is a result
            message = one_line(error)
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
) -> AnySet:
    images = faces.images.astype(np.float32) / 255
    attacked = job.quick or job.classifier
    if attacked and job.sources:
        attacked = TransferTarget(attacked, job.sources)
    key_of = partial(job.spec.key, faces.sha256, job.labels, shown=job.shown)
    on_chunk = partial(listener.chunk, job.name)
    if given:
        exact = attacked.exact.weights_sha256 if attacked else None
        for weights in (exact, reduced_sha256(exact)) if exact else (None,):
            if directory := find_set(key_of(weights), [given]):
                made = open_set(directory)
                return replace(made, reused_chunks=len(made.header.chunks))
    key = key_of(attacked.weights_sha256 if attacked else None)
    directory = sets / f"{job.name}-{key[:8]}"
    if attacked is None or job.labels is None:
        return make_corrupted_set(
            images,
            faces.row_ids,
            job.spec,
            faces_sha256=faces.sha256,
            directory=directory,
            on_chunk=on_chunk,
        )
    make = make_transfer_set if job.shown else make_adversarial_set
    return make(
        attacked,
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
    clean = {c.id: _clean_logits(c, images) for c in classifiers}
    parts = [clean_lines(faces, c, clean[c.id]) for c in classifiers]
    jobs = plan(config, faces, classifiers)
    if config.precision is Precision.AUTO:
        jobs = quick_jobs(jobs, faces, listener)
    checks = [check for c in classifiers for check in _known_before(c, images, clean[c.id], config)]
    _warn(checks, jobs, images, listener)
    if strangers := [a.name for a in config.attacks if config.norm not in ATTACKS[a.name].norms]:
        listener.line(f"left out, knowing no {config.norm}: {', '.join(strangers)}")
    outcomes: list[Outcome] = []
    transfers: list[pd.DataFrame] = []
    shown: dict[str, tuple[Job, AdversarialSet, pd.DataFrame]] = {}
    most_broken: dict[str, int] = {}
    strongest: dict[str, tuple[Job, AdversarialSet]] = {}
    for outcome in make_sets(jobs, faces, out / "sets", given, listener):
        outcomes.append(outcome)
        job, made = outcome.job, outcome.made
        if isinstance(made, CorruptedSet):
            parts += [corrupted_lines(faces, c, clean[c.id], made) for c in classifiers]
        elif isinstance(made, TransferSet):
            part = faces.take(job.rows)
            transfers += [transfer_lines(made, part, c, clean[c.id][job.rows]) for c in classifiers]
        elif isinstance(made, AdversarialSet) and job.classifier:
            logits = clean[job.classifier.id][job.rows]
            lines = attacked_lines(faces.take(job.rows), job.classifier, logits, made)
            parts.append(lines)
            checks += set_checks(job.classifier, made, lines)
            broken = int((made.broken_at > 0).sum())
            if _own_labels(job) and broken >= most_broken.get(job.classifier.id, 1):
                most_broken[job.classifier.id] = broken
                shown[job.classifier.id] = (job, made, lines)
                if can_probe(made):
                    strongest[job.classifier.id] = (job, made)
    for job, made in strongest.values():
        assert job.classifier is not None
        listener.line(f"{job.name}: checked again on a few faces")
        checks += probe_attack(job.classifier, made, images[job.rows])
    hear = listener.line, listener.chunk
    promises = [*certify_models(config, faces, classifiers, clean, out, *hear)]
    parts += [lines for _, lines in promises if lines is not None]
    galleries = [_explained(*entry, images, listener) for entry in shown.values()]
    per_image = join_lines(parts)
    write_table(per_image, PER_IMAGE_COLUMNS, out / "per_image.parquet")
    transfer = join_transfers(transfers)
    write_table(transfer, TRANSFER_COLUMNS, out / "transfer.parquet")
    checks += sibling_checks(transfer, per_image)
    examples = gallery.join(galleries, faces.images.shape[1:])
    write_arrays(examples, GALLERY_ARRAYS, out / "gallery.npz")
    write_arrays(disputed_faces(faces), DISPUTED_ARRAYS, out / "disputed.npz")
    write_arrays(face_regions(faces, config), REGION_ARRAYS, out / "regions.npz")
    records = [*(outcome.record() for outcome in outcomes), *(record for record, _ in promises)]
    failed = [record for record in records if record["status"] != "ok"]
    _write_figures(config, classifiers, per_image, transfer, checks, failed, out)
    return records


def _clean_logits(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    try:
        return classifier.logits(images)
    except FloatingPointError as error:
        raise InputError(
            f"{error}, so nothing can be measured. Leave it out of --models, or mend its weights."
        ) from error


def _explained(
    job: Job, made: AdversarialSet, lines: pd.DataFrame, images: np.ndarray, listener: Listener
) -> dict[str, np.ndarray]:
    """Gallery of the set that broke most faces; its lines get how far the explanations moved."""
    assert job.classifier is not None
    clean = images[job.rows]
    try:
        maps = explain(job.classifier, clean[made.image_rows], made.images)
    except Exception as error:  # a foreign net may be built as no map expects: no figure of it
        listener.line(f"{job.classifier.id}: no Grad-CAM, {type(error).__name__}")
        maps = None
    if maps is not None:
        lines.loc[lines.index[made.image_rows], "cam_shift"] = maps.shifts()
    return gallery.examples(job.classifier, made, clean, lines, maps)


def _known_before(
    classifier: Classifier, images: np.ndarray, logits: np.ndarray, config: RunConfig
) -> list[dict[str, Any]]:
    """Checks that need no attack."""
    found = model_checks(classifier, images, logits)
    return found + black_box_checks(classifier, config.labels)


def _warn(
    checks: list[dict[str, Any]], jobs: list[Job], images: np.ndarray, listener: Listener
) -> None:
    """Say before anything is attacked which models are random or slow."""
    for entry in checks:
        if entry["rule"] == "R11" and entry["status"] == "flagged":
            listener.line(f"{entry['model']}: {entry['message']}")
    attacked = {job.classifier.id: job.classifier for job in jobs if job.classifier}
    for classifier in attacked.values():
        queries = sum(
            len(job.rows) * len(job.spec.grid) * job.spec.options.get("queries", 0)
            for job in jobs
            if job.classifier is classifier and not job.not_applicable
        )
        if queries and is_black_box(classifier):
            seconds = seconds_per_face(classifier, images)
            if warning := slowness(classifier, seconds, queries):
                listener.line(warning)


def _own_labels(job: Job) -> bool:
    """Whether the labels a model was trained on are attacked: the gallery shows no others."""
    assert job.classifier is not None
    return job.spec.attacked_labels == job.classifier.scheme.name


def _write_figures(
    config: RunConfig,
    classifiers: Sequence[Classifier],
    per_image: pd.DataFrame,
    transfer: pd.DataFrame,
    checks: list[dict[str, Any]],
    failed: list[dict[str, Any]],
    out: Path,
) -> None:
    schemes = {c.id: c.scheme for c in classifiers}
    checks = checks + suite_checks(per_image, schemes, config)
    table = pd.DataFrame(checks, columns=list(CHECK_COLUMNS)).astype(CHECK_COLUMNS)
    write_table(table, CHECK_COLUMNS, out / "checks.parquet")
    write_scores(out, config, schemes, per_image, transfer, table, failed)
