"""Make sets: run an attack over its eps grid, or a corruption over its severities, chunk by chunk.

Finished chunks on disk are reused, so a killed run continues where it stopped and ends with the
same arrays (only the seconds differ).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

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
from attacks.threat_model import distance
from attacks.transfer import made_on
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from fer_models.classifier import Classifier
from fer_models.identity import same_answers

_ASKED = 8
"""Number of clean images whose logits show whether a model is still the same."""

Progress = Callable[[int, int], object]
"""Called with (chunks done, all chunks) after each chunk, reused ones too."""


@dataclass(frozen=True, eq=False)
class CleanFaces:
    """The images that a set is made from, as attacks and corruptions take them.

    Attributes:
        images: float32 (N, H, W, C) in [0, 1].
        row_ids: int64 (N,), on which random draws depend.
        sha256: `FaceSet.sha256` of these rows.
    """

    images: np.ndarray
    row_ids: np.ndarray
    sha256: str

    @classmethod
    def of(cls, faces: FaceSet) -> Self:
        """All images of a FaceSet."""
        return cls(faces.images.astype(np.float32) / 255, faces.row_ids, faces.sha256)


def make_adversarial_set(
    classifier: Classifier,
    faces: CleanFaces,
    labels: np.ndarray,
    spec: AttackSpec,
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
        classifier: the model to attack.
        faces: the N clean images.
        labels: int64 (N,) in [0, K); rows without a label must be left out by the caller.
        spec: the attack, from `attacks.registry.attack_spec`.
        directory: folder of the set.
        on_chunk: called after each chunk.
        before: set of the same attack on the same classifier under the other labels. Faces with the
            same label are copied from it, with their cost but no time, instead of attacked again.

    Raises:
        InputError: the folder holds another set, a chunk is damaged, or the attack refuses.
    """
    key = spec.key(faces.sha256, labels, classifier.weights_sha256)
    header = _header(classifier, spec, faces, key)

    def attack_rows(rows: slice) -> dict[str, np.ndarray]:
        keys = Keys(spec.seed, faces.row_ids[rows])
        return _sweep(classifier, faces.images[rows], labels[rows], keys, spec, before)

    result = _make(header, directory, attack_rows, on_chunk)
    assert isinstance(result, AdversarialSet)
    return result


def make_transfer_set(
    classifier: Classifier,
    faces: CleanFaces,
    labels: np.ndarray,
    spec: AttackSpec,
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
    if len(spec.grid) != 1:
        raise ValueError(f"`spec` must be of an attack at one eps. Received: {spec}")
    attack = make_attack(spec.perturbation, spec.norm, spec.grid[0], spec.options)
    key = spec.key(faces.sha256, labels, classifier.weights_sha256, transfer_set=True)
    header = _header(classifier, spec, faces, key)

    def attack_rows(rows: slice) -> dict[str, np.ndarray]:
        start, keys = time.perf_counter(), Keys(spec.seed, faces.row_ids[rows])
        clean, mine = faces.images[rows], labels[rows]
        attacked, cost = clean.copy(), Cost.zeros(len(mine))
        known, there = _same_label(before, keys.row_ids, mine)
        if before:
            attacked[known] = before.images[there]
            cost.add(known, before.cost(there))
        rest = np.setdiff1d(np.arange(len(mine)), known)
        result = attack(classifier, clean[rest], mine[rest], keys.take(rest))
        attacked[rest] = result.images
        cost.add(rest, result.cost)
        return {
            "row_ids": keys.row_ids,
            "labels": mine,
            "images": attacked,
            **cost._asdict(),
            "seconds": np.array([time.perf_counter() - start]),
        }

    result = _make(header, directory, attack_rows, on_chunk)
    assert isinstance(result, TransferSet)
    return result


def _header(classifier: Classifier, spec: AttackSpec, faces: CleanFaces, key: str) -> SetHeader:
    """Header of an attack's set."""
    return SetHeader(
        key=key,
        spec=spec,
        source=made_on(classifier),
        classes=classifier.scheme.classes,
        faces_sha256=faces.sha256,
        count=len(faces.images),
        image_shape=faces.images.shape[1:],
        precision=classifier.precision,
        answers=answers_of(classifier, faces),
    )


def answers_of(classifier: Classifier, faces: CleanFaces) -> list[list[float]]:
    """Logits of the first clean images; none for a random model."""
    images = faces.images[:_ASKED]
    with classifier.asked_anew():
        first = classifier.logits(images)
    with classifier.asked_anew("again"):
        again = classifier.logits(images)
    return first.tolist() if same_answers(first, again) else []


def check_same_model(directory: Path, header: SetHeader, answers: list[list[float]]) -> None:
    """Refuse a set on disk if its model has changed, even if the model's files are the same.

    Args:
        directory: folder of the set.
        header: its header; nothing is compared if it has no answers.
        answers: logits of the model that the set is used for, see `answers_of`.

    Raises:
        InputError: the model gives other logits than when the set was made.
    """
    if header.answers and answers and not same_answers(*map(np.array, (header.answers, answers))):
        raise InputError(
            f"{directory}: the model {header.source} gives other logits than when this set was "
            "made. Restore what it reads, or delete the folder."
        )


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
