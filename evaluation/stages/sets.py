"""Make the sets of a run, or reuse them from disk: one outcome per job.

Writes `sets/JOB-KEY/` of a run, in the format of `attacks/sets/store.py`. A killed run reuses every
finished chunk; a failing attack is an outcome without a set, not a lost run (R24). A face with the
same label under FER and FER+ is attacked once: the second set copies it from the first. Images
that surrogates make for black boxes are kept in `stand_ins/` and serve every black box.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from attacks.registry import ATTACKS
from attacks.sets.contents import AnySet, AttackedSet, CorruptedSet
from attacks.sets.first_gradients import remembering
from attacks.sets.spec import AttackSpec, CorruptionSpec
from attacks.sets.store import open_set, read_header
from attacks.sets.sweep import SetPlan
from attacks.sets.task import AttackTask, CleanFaces, answers_of, check_same_model
from attacks.transfer import TransferTarget
from attacks.transfer_images import TransferImages
from datasets.base.counted import counted
from datasets.faceset import FaceSet
from evaluation.engines.engine import Engine, LostCellError
from evaluation.engines.fulfil import fulfil
from evaluation.engines.orders import SetOrder
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
    folder: Path | None = None

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
            entry["sources_sha256"] = [source.weights_sha256 for source in self.job.sources]
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
    given: Mapping[str, Path],
    listener: Listener,
    done: dict[Job, Path] | None = None,
    engine: Engine | None = None,
    predicted: Mapping[str, np.ndarray] | None = None,
) -> Iterator[Outcome]:
    """Make every set, or reuse it from disk.

    Args:
        jobs: as planned by `plan`.
        faces: the images.
        sets: folder of the run's sets.
        given: folders of sets made elsewhere (`--adversarial`), by key; they are taken first.
        listener: receives chunks and finished sets.
        done: folders of the sets of earlier calls, from which equal faces are copied; those of
            this call are added.
        engine: computes the chunks that other processes can compute; None for this process.
        predicted: classes that models predict for the clean images, int64 (N,), by id; a model
            that is missing is asked for each set.

    Raises:
        InputError: a set on disk belongs to other data or settings, or is damaged.
    """
    folders = {} if done is None else done
    kept = TransferImages(sets.parent / "stand_ins")
    orders: dict[Job, SetOrder] = {}
    attacked: Classifier | None = None
    predicted = predicted or {}
    if engine is not None:
        orders = _orders(jobs, faces, sets, given, folders, engine, predicted)
        fulfil([*orders.values()], engine, listener)
    for job in jobs:
        if job.not_applicable:
            listener.line(f"{job.name}: not applicable, {job.not_applicable}")
            yield Outcome(job, None)
            continue
        part, order = faces.take(job.rows), orders.get(job)
        try:
            if order is not None and order.error:
                raise LostCellError(order.error)
            elsewhere = _given_folder(job, part, given)
            folder = elsewhere or _own_folder(job, part, sets)
            if elsewhere:
                if (given_for := _attacked(job)) is not None:
                    answers = answers_of(given_for, CleanFaces.of(part))
                    check_same_model(elsewhere, read_header(elsewhere), answers)
                made = open_set(elsewhere)
                made = replace(made, reused_chunks=len(made.header.chunks))
            else:
                before = _made_before(job, folders)
                plan = _set_plan(job, part, folder, before, kept, predicted)
                chunk = partial(listener.chunk, job.name)
                target = _attacked(job, kept)
                attacked = target and remembering(target, attacked)
                made = plan.make(attacked, chunk, listener.line)
                if order is not None:
                    made = replace(made, reused_chunks=made.reused_chunks - order.made)
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
        yield Outcome(job, made, folder=folder)


def found_elsewhere(jobs: Sequence[Job], faces: FaceSet, given: Mapping[str, Path]) -> str:
    """How many sets of a run are among those made elsewhere, as the end of a line."""
    made = [job for job in jobs if not job.not_applicable]
    found = sum(_given_folder(job, faces.take(job.rows), given) is not None for job in made)
    line = f"{found} of {counted(len(made), 'set')} of this run"
    if found == len(made):
        return line
    return (
        f"{line}; the others are made, since none there has the same faces, weights, "
        "eps grid, settings, seed and version of the attacks"
    )


def _orders(
    jobs: Sequence[Job],
    faces: FaceSet,
    sets: Path,
    given: Mapping[str, Path],
    folders: dict[Job, Path],
    engine: Engine,
    predicted: Mapping[str, np.ndarray],
) -> dict[Job, SetOrder]:
    """Orders of the sets that workers can make; the others are left to this process."""
    orders: dict[Job, SetOrder] = {}
    known = dict(folders)

    def plan(job: Job) -> SetPlan:
        part = faces.take(job.rows)
        ready = {other: folder for other, folder in known.items() if not _failed(other)}
        folder, before = _own_folder(job, part, sets), _made_before(job, ready)
        return _set_plan(job, part, folder, before, None, predicted)

    def _failed(job: Job) -> bool:
        return job in orders and (orders[job].left != 0 or bool(orders[job].lost))

    for job in jobs:
        if job.not_applicable or job.sources:
            continue
        if job.classifier is not None and job.classifier.id not in engine.models:
            continue
        part = faces.take(job.rows)
        if elsewhere := _given_folder(job, part, given):
            known[job] = elsewhere
            continue
        attacked = _attacked(job)
        orders[job] = SetOrder(
            name=job.name,
            plan=partial(plan, job),
            rows=job.rows,
            held=len(job.rows),
            model=job.classifier.id if job.classifier else "",
            weights_sha256=attacked.weights_sha256 if attacked else "",
            reduced=attacked is not job.classifier,
            after=next((order for other, order in orders.items() if _is_before(other, job)), None),
        )
        known[job] = _own_folder(job, part, sets)
    return orders


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


def _given_folder(job: Job, faces: FaceSet, given: Mapping[str, Path]) -> Path | None:
    """Folder of the job's set among those made elsewhere, in either precision, or None."""
    attacked = _attacked(job)
    exact = attacked.exact.weights_sha256 if attacked else None
    for weights in (exact, reduced_sha256(exact)) if exact else (None,):
        if folder := given.get(job.key(faces.sha256, weights)):
            return folder
    return None


def _own_folder(job: Job, faces: FaceSet, sets: Path) -> Path:
    attacked = _attacked(job)
    weights = attacked.weights_sha256 if attacked else None
    key = job.key(faces.sha256, weights)
    return sets / f"{job.name}-{key[:8]}"


def _made_before(job: Job, folders: dict[Job, Path]) -> AttackedSet | None:
    """The set of the same attack on the same model under the other label set, if there is one."""
    found = next((folder for other, folder in folders.items() if _is_before(other, job)), None)
    made = open_set(found) if found else None
    assert not isinstance(made, CorruptedSet)
    return made


def _is_before(other: Job, job: Job) -> bool:
    """Whether equal faces of a job can be copied from another: the same attack, other labels.

    Never for a corruption, nor for an attack whose images depend on each other.
    """
    spec = job.spec
    if not isinstance(spec, AttackSpec) or ATTACKS[spec.perturbation].universal:
        return False
    if other.classifier is not job.classifier or other.transfer_set != job.transfer_set:
        return False
    assert isinstance(other.spec, AttackSpec)
    same = replace(spec, attacked_labels=other.spec.attacked_labels) == other.spec
    return same and other is not job


def _set_plan(
    job: Job,
    faces: FaceSet,
    folder: Path,
    before: AttackedSet | None,
    kept: TransferImages | None,
    predicted: Mapping[str, np.ndarray],
) -> SetPlan:
    """Plan of the job's set in its own folder, where finished chunks are reused."""
    clean, spec = CleanFaces.of(faces), job.spec
    if isinstance(spec, CorruptionSpec):
        return SetPlan.corrupted(clean, spec, folder)
    attacked = _attacked(job, kept)
    assert attacked is not None and job.labels is not None
    mine = predicted.get(attacked.id)
    mine = None if mine is None else mine[job.rows]
    task = AttackTask(attacked, clean, job.labels, spec, mine)
    return SetPlan.attacked(task, folder, before, job.transfer_set)
