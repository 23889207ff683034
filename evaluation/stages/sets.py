"""Make the sets of a run, or reuse them from disk: one outcome per job.

Writes `sets/JOB-KEY/` of a run, in the format of `attacks/sets/store.py`. A killed run reuses every
finished chunk; a failing attack is an outcome without a set, not a lost run (R24). A face with the
same label under FER and FER+ is attacked once: the second set copies it from the first. Images
that surrogates make for black boxes are kept in `stand_ins/` and serve every black box.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from attacks.registry import ATTACKS
from attacks.sets.contents import AnySet, AttackedSet
from attacks.sets.spec import AttackSpec, CorruptionSpec
from attacks.sets.store import find_set, open_set, read_header
from attacks.sets.sweep import (
    make_adversarial_set,
    make_corrupted_set,
    make_transfer_set,
)
from attacks.sets.task import AttackTask, CleanFaces, answers_of, check_same_model
from attacks.transfer import TransferTarget
from attacks.transfer_images import TransferImages
from datasets.faceset import FaceSet
from evaluation.listener import Listener, is_result, one_line
from evaluation.results.schema import NOT_APPLICABLE
from evaluation.stages.jobs import Job
from fer_models.classifier import Classifier
from fer_models.identity import reduced_sha256


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcome of a job: its set, or why there is none."""

    job: Job
    made: AnySet | None
    error: str = ""

    @property
    def status(self) -> str:
        """`ok`, `error` or `NOT_APPLICABLE`."""
        return NOT_APPLICABLE if self.job.not_applicable else "error" if self.error else "ok"

    def record(self) -> dict[str, Any]:
        """Entry of the manifest's `perturbations`."""
        spec = self.job.spec.to_json()
        entry: dict[str, Any] = {
            "perturbation": spec["perturbation"],
            "norm": spec["norm"] or "",
            "grid": spec["grid"],
            "options": spec["options"],
            "attacked_labels": spec["attacked_labels"],
            "model": self.job.classifier.id if self.job.classifier else "",
            "status": self.status,
            "message": self.error or self.job.not_applicable,
        }
        if attack := ATTACKS.get(spec["perturbation"]):
            entry |= {"title": attack.title, "words": attack.words}
        if self.job.sources:
            entry["sources"] = [source.id for source in self.job.sources]
        if self.job.transfer_set:
            entry["shown"] = True
        if self.made is None:
            return entry
        entry |= {
            "key": self.made.header.key,
            "seconds": round(float(self.made.seconds.sum()), 3),
            "chunks": len(self.made.header.chunks),
            "reused_chunks": self.made.reused_chunks,
        }
        if isinstance(self.made, AttackedSet):
            entry |= {
                "precision": self.made.header.precision,
                "forward": int(self.made.forward.sum()),
                "backward": int(self.made.backward.sum()),
            }
        return entry


def make_sets(
    jobs: Sequence[Job],
    faces: FaceSet,
    sets: Path,
    given: Path | None,
    listener: Listener,
    done: dict[Job, Path] | None = None,
) -> Iterator[Outcome]:
    """Make every set, or reuse it from disk.

    Args:
        jobs: as planned by `plan`.
        faces: the images.
        sets: folder of the run's sets.
        given: folder of sets made elsewhere (`--adversarial`), tried first.
        listener: receives chunks and finished sets.
        done: folders of the sets of earlier calls, from which equal faces are copied; those of
            this call are added.

    Raises:
        InputError: a set on disk belongs to other data or settings, or is damaged.
    """
    folders = {} if done is None else done
    kept = TransferImages(sets.parent / "stand_ins")
    for job in jobs:
        if job.not_applicable:
            listener.line(f"{job.name}: not applicable, {job.not_applicable}")
            yield Outcome(job, None)
            continue
        part = faces.take(job.rows)
        try:
            elsewhere = _given_folder(job, part, given) if given else None
            folder = elsewhere or _own_folder(job, part, sets)
            if elsewhere:
                if attacked := _attacked(job):
                    answers = answers_of(attacked, CleanFaces.of(part))
                    check_same_model(elsewhere, read_header(elsewhere), answers)
                made = open_set(elsewhere)
                made = replace(made, reused_chunks=len(made.header.chunks))
            else:
                made = _make_set(job, part, folder, _made_before(job, folders), kept, listener)
        except Exception as error:  # R24: whatever an attack or a model fails with is a result
            if not is_result(error):
                raise
            message = one_line(error)
            listener.line(f"{job.name}: failed, {message}")
            yield Outcome(job, None, message)
            continue
        folders[job] = folder
        reused = f" ({made.reused_chunks} of {len(made.header.chunks)} chunks reused)"
        for line in made.lines():
            listener.line(f"{_attacked_as(job)}{line}{reused if made.reused_chunks else ''}")
        yield Outcome(job, made)


def _attacked_as(job: Job) -> str:
    """Name the attacked model and labels for the log; empty for a corruption."""
    if job.classifier is None or not isinstance(job.spec, AttackSpec):
        return ""
    return f"{job.classifier.id} {job.spec.attacked_labels}: "


def _attacked(job: Job, kept: TransferImages | None = None) -> Classifier | None:
    """The model a job attacks: in full or reduced precision, or through surrogates."""
    classifier = job.reduced or job.classifier
    if classifier and job.sources:
        return TransferTarget(classifier, job.sources, kept)
    return classifier


def _given_folder(job: Job, faces: FaceSet, given: Path) -> Path | None:
    """Folder of the job's set among those made elsewhere, in either precision, or None."""
    attacked = _attacked(job)
    exact = attacked.exact.weights_sha256 if attacked else None
    for weights in (exact, reduced_sha256(exact)) if exact else (None,):
        key = job.key(faces.sha256, weights)
        if folder := find_set(key, [given]):
            return folder
    return None


def _own_folder(job: Job, faces: FaceSet, sets: Path) -> Path:
    attacked = _attacked(job)
    weights = attacked.weights_sha256 if attacked else None
    key = job.key(faces.sha256, weights)
    return sets / f"{job.name}-{key[:8]}"


def _made_before(job: Job, folders: dict[Job, Path]) -> AnySet | None:
    """The set of the same attack on the same model under the other label set, if there is one.

    None for a corruption, and for an attack whose images depend on each other.
    """
    spec = job.spec
    if not isinstance(spec, AttackSpec) or ATTACKS[spec.perturbation].universal:
        return None
    for other, folder in folders.items():
        if other.classifier is not job.classifier or other.transfer_set != job.transfer_set:
            continue
        assert isinstance(other.spec, AttackSpec)
        if replace(spec, attacked_labels=other.spec.attacked_labels) == other.spec:
            return open_set(folder)
    return None


def _make_set(
    job: Job,
    faces: FaceSet,
    folder: Path,
    before: AnySet | None,
    kept: TransferImages,
    listener: Listener,
) -> AnySet:
    """Make the job's set in its own folder, reusing finished chunks."""
    clean, spec = CleanFaces.of(faces), job.spec
    attacked = _attacked(job, kept)
    on_chunk = partial(listener.chunk, job.name)
    if isinstance(spec, CorruptionSpec):
        return make_corrupted_set(clean, spec, folder, on_chunk=on_chunk)
    make: Callable[..., AnySet] = make_transfer_set if job.transfer_set else make_adversarial_set
    assert attacked is not None and job.labels is not None
    task = AttackTask(attacked, clean, job.labels, spec)
    return make(task, folder, on_chunk=on_chunk, before=before)
