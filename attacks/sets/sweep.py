"""Make sets: run an attack over its eps grid, or a corruption over its severities, chunk by chunk.

Finished chunks on disk are reused, so a killed run continues where it stopped and ends with the
same arrays (only the seconds differ).
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from attacks.base import Cost, Keys
from attacks.corruptions.base import check_severity
from attacks.registry import ATTACKS, CORRUPTIONS, make_attack
from attacks.sets.contents import (
    AdversarialSet,
    AnySet,
    AttackedSet,
    CorruptedSet,
    SetHeader,
    TransferSet,
    assemble,
)
from attacks.sets.spec import AttackSpec, CorruptionSpec
from attacks.sets.store import (
    MANIFEST,
    chunk_path,
    read_chunk,
    read_header,
    write_chunk,
    write_header,
)
from attacks.sets.task import AttackTask, CleanFaces, check_same_model
from attacks.threat_model import distance
from datasets.base.errors import InputError
from fer_models.classifier import Classifier

Progress = Callable[[int, int], object]
"""Called with (chunks done, all chunks) after each chunk, reused ones too."""


def make_adversarial_set(
    task: AttackTask,
    directory: Path,
    *,
    on_chunk: Progress | None = None,
    before: AdversarialSet | None = None,
) -> AdversarialSet:
    """Attack images over an eps grid, or read what is on disk already.

    Each eps only attacks images that are classified correctly when clean and not broken at a
    smaller eps. An attack that looks for the smallest perturbation runs once, at the largest eps,
    to which all of its time is charged; each image counts from the first eps that its
    perturbation fits into.

    Args:
        task: what is attacked, and how.
        directory: folder of the set.
        on_chunk: called after each chunk.
        before: set of the same attack on the same classifier under the other labels. Faces with the
            same label are copied from it, with their cost but no time, instead of attacked again.

    Raises:
        InputError: the folder holds another set, a chunk is damaged, or the attack refuses.
    """
    spec, faces = task.spec, task.faces

    def attack_rows(rows: slice) -> dict[str, np.ndarray]:
        keys = Keys(spec.seed, faces.row_ids[rows])
        return _sweep(task.classifier, faces.images[rows], task.labels[rows], keys, spec, before)

    result = _make(task.header(), directory, attack_rows, on_chunk)
    assert isinstance(result, AdversarialSet)
    return result


def make_transfer_set(
    task: AttackTask,
    directory: Path,
    *,
    on_chunk: Progress | None = None,
    before: TransferSet | None = None,
) -> TransferSet:
    """Attack images at one eps, to attack other models with them, or read them from disk.

    Unlike a sweep it keeps every image at full eps, including those that the model misclassifies
    when clean; see `make_adversarial_set` for the arguments.

    Raises:
        InputError: the folder holds another set, a chunk is damaged, or the attack refuses.
        ValueError: the spec's grid has more than one eps.
    """
    spec, faces = task.spec, task.faces
    if len(spec.grid) != 1:
        raise ValueError(f"`spec` must be of an attack at one eps. Received: {spec}")
    attack = make_attack(spec.perturbation, spec.norm, spec.grid[0], spec.options)

    def attack_rows(rows: slice) -> dict[str, np.ndarray]:
        start, keys = time.perf_counter(), Keys(spec.seed, faces.row_ids[rows])
        clean, mine = faces.images[rows], task.labels[rows]
        attacked, cost = clean.copy(), Cost.zeros(len(mine))
        known, there = _same_label(before, keys.row_ids, mine)
        if before:
            attacked[known] = before.images[there]
            cost.add(known, before.cost(there))
        rest = np.setdiff1d(np.arange(len(mine)), known)
        result = attack(task.classifier, clean[rest], mine[rest], keys.take(rest))
        attacked[rest] = result.images
        cost.add(rest, result.cost)
        return {
            "row_ids": keys.row_ids,
            "labels": mine,
            "images": attacked,
            **cost._asdict(),
            "seconds": np.array([time.perf_counter() - start]),
        }

    result = _make(task.header(transfer_set=True), directory, attack_rows, on_chunk)
    assert isinstance(result, TransferSet)
    return result


def make_corrupted_set(
    faces: CleanFaces,
    spec: CorruptionSpec,
    directory: Path,
    *,
    on_chunk: Progress | None = None,
) -> CorruptedSet:
    """Corrupt images at each severity, or read them from disk; see `make_adversarial_set`.

    Raises:
        InputError: the folder holds another set, or a chunk is damaged.
    """
    header = SetHeader(
        key=spec.key(faces.sha256),
        spec=spec,
        source="",
        classes=(),
        faces_sha256=faces.sha256,
        count=len(faces.images),
        image_shape=faces.images.shape[1:],
    )

    def corrupt_rows(rows: slice) -> dict[str, np.ndarray]:
        return _corrupt(faces.images[rows], Keys(spec.seed, faces.row_ids[rows]), spec)

    result = _make(header, directory, corrupt_rows, on_chunk)
    assert isinstance(result, CorruptedSet)
    return result


def _make(
    header: SetHeader,
    directory: Path,
    make_rows: Callable[[slice], dict[str, np.ndarray]],
    on_chunk: Progress | None,
) -> AnySet:
    if header.count == 0:
        raise InputError(f"{directory}: a set needs at least one image with a label; got none.")
    if (directory / MANIFEST).exists():
        kept = read_header(directory)
        if kept.key != header.key:
            raise InputError(
                f"{directory}: holds a set of other data, weights, settings or code version. "
                "Name another folder, or delete this one."
            )
        check_same_model(directory, kept, header.answers)
    chunks, reused = [], 0
    for index, rows in enumerate(header.chunks):
        if chunk_path(directory, index).exists():
            reused += 1
        else:
            made = make_rows(rows)  # an attack that refuses the model leaves no folder behind
            if not (directory / MANIFEST).exists():
                directory.mkdir(parents=True, exist_ok=True)
                write_header(directory, header)
            write_chunk(directory, index, header.key, made)
        chunks.append(read_chunk(directory, index, header))
        if on_chunk:
            on_chunk(index + 1, len(header.chunks))
    return assemble(header, chunks, reused)


def _sweep(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    keys: Keys,
    spec: AttackSpec,
    before: AdversarialSet | None,
) -> dict[str, np.ndarray]:
    """Arrays of one chunk; see `AdversarialSet`."""
    smallest_eps = np.where(classifier.predict(images) == labels, np.nan, 0.0)
    attacked, cost, seconds = images.copy(), Cost.zeros(len(images)), np.zeros(len(spec.grid))
    known, there = _same_label(before, keys.row_ids, labels)
    if before:
        smallest_eps[known] = before.smallest_eps[there]
        fell = np.isin(there, before.image_rows)
        attacked[known[fell]] = before.images[np.searchsorted(before.image_rows, there[fell])]
        cost.add(known, before.cost(there))
    grid, last = np.array(spec.grid), len(spec.grid) - 1
    minimal = ATTACKS[spec.perturbation].minimal
    for e in range(last if minimal else 0, last + 1):
        start, eps = time.perf_counter(), spec.grid[e]
        active = np.setdiff1d(np.flatnonzero(np.isnan(smallest_eps)), known)
        attack = make_attack(spec.perturbation, spec.norm, eps, spec.options)
        result = attack(classifier, images[active], labels[active], keys.take(active))
        fallen = active[result.success]
        attacked[fallen] = result.images[result.success]
        if minimal:
            sizes = distance(attacked[fallen], images[fallen], spec.norm)
            smallest_eps[fallen] = grid[np.minimum(np.searchsorted(grid, sizes), last)]
        else:
            smallest_eps[fallen] = eps
        cost.add(active, result.cost)
        seconds[e] = time.perf_counter() - start
    image_rows = np.flatnonzero(smallest_eps > 0)
    return {
        "row_ids": keys.row_ids,
        "labels": labels,
        "smallest_eps": smallest_eps,
        "images": attacked[image_rows],
        "image_rows": image_rows,
        **cost._asdict(),
        "seconds": seconds,
    }


def _same_label(
    before: AttackedSet | None, row_ids: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Indices, here and in `before`, of faces that are attacked away from the same class."""
    if before is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    _, here, there = np.intersect1d(
        row_ids, before.row_ids, assume_unique=True, return_indices=True
    )
    same = labels[here] == before.labels[there]
    return here[same], there[same]


def _corrupt(images: np.ndarray, keys: Keys, spec: CorruptionSpec) -> dict[str, np.ndarray]:
    corruption = CORRUPTIONS[spec.perturbation]()
    views, seconds = [], []
    for severity in spec.grid:
        check_severity(int(severity))
        start = time.perf_counter()
        views.append(corruption(images, int(severity), keys))
        seconds.append(time.perf_counter() - start)
    return {
        "row_ids": keys.row_ids,
        "images": np.stack(views, axis=1),
        "seconds": np.array(seconds),
    }
