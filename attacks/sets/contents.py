"""Sets of attacked or corrupted images, and the header that describes them.

Not here: reading and writing them (`attacks/sets/store.py`), making them (`attacks/sets/sweep.py`).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from attacks.base import BATCH_ROWS, Cost
from attacks.sets.spec import AnySpec, AttackSpec, CorruptionSpec
from attacks.sets.stored_images import StoredImages
from attacks.threat_model import format_eps
from datasets.base.counted import counted
from datasets.image_source import ImageSource

UNKNOWN = -1
"""Which attack of an ensemble broke an image, in sets of older versions."""


@dataclass(frozen=True)
class SetHeader:
    """Description of a set: the contents of its `manifest.json`.

    Attributes:
        key: identity, see `AttackSpec.key` and `CorruptionSpec.key`.
        spec: perturbation, grid, options, attacked labels, seed.
        source: id of the model that supplied the gradients, or ids joined by commas; empty for a
            corruption.
        classes: the model's classes, to which labels refer; empty for a corruption.
        faces_sha256: identity of the clean images, `FaceSet.sha256` of the same rows.
        count: N, rows in the set.
        image_shape: (H, W, C).
        precision: precision of gradients; whether an image is broken is always decided in float32.
        answers: the model's logits for the first clean images, float32 (M, K) as lists; empty for
            a corruption and in sets of older versions. The set is reused only for the same logits.
    """

    key: str
    spec: AnySpec
    source: str
    classes: tuple[str, ...]
    faces_sha256: str
    count: int
    image_shape: tuple[int, ...]
    precision: str = "float32"
    answers: list[list[float]] = field(default_factory=list)

    @property
    def chunks(self) -> list[slice]:
        """Rows of each chunk."""
        return [slice(i, min(i + BATCH_ROWS, self.count)) for i in range(0, self.count, BATCH_ROWS)]


@dataclass(frozen=True, eq=False, kw_only=True)
class AttackedSet:
    """Common base of the sets that an attack makes of N images.

    Attributes:
        header: description of the set.
        row_ids: int64 (N,), rows of the FaceSet, which holds the clean images.
        labels: int64 (N,), attacked labels, in the classes of the attacked model.
        images: float32 (B, H, W, C), attacked images, read where they are indexed.
        forward: int64 (N,), forward passes spent on the image over the whole grid.
        backward: int64 (N,), backward passes.
        zero_gradients: int64 (N,), gradients without a nonzero pixel.
        by_answers: int64 (N,), 1 where only answers broke the image, see `Cost`; `UNKNOWN` in sets
            of older versions.
        seconds: float64 (E,), time at each eps.
        reused_chunks: chunks found on disk by the call that made the set (0 when only read).
    """

    header: SetHeader
    row_ids: np.ndarray
    labels: np.ndarray
    images: ImageSource
    forward: np.ndarray
    backward: np.ndarray
    zero_gradients: np.ndarray
    by_answers: np.ndarray
    seconds: np.ndarray
    reused_chunks: int = 0

    @property
    def spec(self) -> AttackSpec:
        """The attack."""
        assert isinstance(self.header.spec, AttackSpec)
        return self.header.spec

    def cost(self, rows: np.ndarray) -> Cost:
        """Cost of the attack on some rows."""
        return Cost(*(getattr(self, name)[rows] for name in Cost._fields))


@dataclass(frozen=True, eq=False, kw_only=True)
class AdversarialSet(AttackedSet):
    """One attack's sweep over its eps grid: each broken image once, at the eps that breaks it.

    Attributes:
        smallest_eps: float64 (N,): smallest eps of the grid that breaks the image, 0.0 where the
            clean image is wrong, NaN where it is robust on the whole grid.
        image_rows: int64 (B,), ascending: which of the N rows each of `images` belongs to.
    """

    smallest_eps: np.ndarray
    image_rows: np.ndarray

    @property
    def success(self) -> np.ndarray:
        """bool (N, E): wrong at each eps, the clean image or one broken at that eps or below."""
        return self.smallest_eps[:, None] <= np.array(self.spec.grid)

    def attacked(self, clean: np.ndarray, eps: float) -> np.ndarray:
        """Images as the attack leaves them at eps: broken ones attacked, the others clean.

        Args:
            clean: float32 (N, H, W, C), the clean images of the same rows.
            eps: any radius; images broken at larger ones stay clean.
        """
        images = clean.copy()
        within = np.flatnonzero(self.smallest_eps[self.image_rows] <= eps)
        images[self.image_rows[within]] = self.images[within]
        return images

    def lines(self) -> list[str]:
        """One line of text per eps: "pgd linf 4/255: 412 of 500 broken, 3.1 s".

        Only faces that are classified correctly before the attack are counted.
        """
        spec, right = self.spec, self.smallest_eps != 0
        return [
            f"{spec.perturbation} {spec.norm} {format_eps(eps)}: "
            f"{self.success[right, e].sum()} of {right.sum()} broken, {self.seconds[e]:.1f} s"
            for e, eps in enumerate(spec.grid)
        ]


@dataclass(frozen=True, eq=False, kw_only=True)
class CorruptedSet:
    """One corruption of N images at S severities.

    Attributes:
        header: description of the set; its grid holds the severities.
        row_ids: int64 (N,).
        images: float32 (N, S, H, W, C), read where they are indexed.
        seconds: float64 (S,).
        reused_chunks: chunks found on disk by the call that made the set (0 when only read).
    """

    header: SetHeader
    row_ids: np.ndarray
    images: StoredImages
    seconds: np.ndarray
    reused_chunks: int = 0

    @property
    def severities(self) -> tuple[int, ...]:
        """The S severities, ascending."""
        return tuple(int(severity) for severity in self.header.spec.grid)

    def lines(self) -> list[str]:
        """One line of text: "jpeg severity 1, 3, 5: 500 images each, 0.4 s"."""
        severities = ", ".join(map(str, self.severities))
        return [
            f"{self.header.spec.perturbation} severity {severities}: "
            f"{counted(len(self.row_ids), 'image')} each, {self.seconds.sum():.1f} s"
        ]


@dataclass(frozen=True, eq=False, kw_only=True)
class TransferSet(AttackedSet):
    """N images attacked on one model at one eps, all stored, to attack other models with."""

    def lines(self) -> list[str]:
        """One line of text: "transfer linf 4/255: 100 images for other models, 3.1 s"."""
        spec = self.spec
        return [
            f"{spec.perturbation} {spec.norm} {format_eps(spec.grid[0])}: "
            f"{counted(len(self.row_ids), 'image')} for other models, {self.seconds.sum():.1f} s"
        ]


AnySet = AdversarialSet | CorruptedSet | TransferSet


def assemble(
    header: SetHeader,
    chunks: list[dict[str, np.ndarray]],
    images: StoredImages,
    reused: int = 0,
) -> AnySet:
    """Join the arrays of all chunks, in order, and its images."""
    attacked = not isinstance(header.spec, CorruptionSpec)
    if attacked:  # an older version may have made some of the chunks
        chunks = [{"by_answers": np.full_like(each["row_ids"], UNKNOWN)} | each for each in chunks]
    arrays: dict[str, Any] = {
        name: np.concatenate([chunk[name] for chunk in chunks])
        for name in chunks[0]
        if name not in ("key", "seconds", "image_rows")
    }
    arrays["images"] = images
    seconds = np.sum([chunk["seconds"] for chunk in chunks], axis=0)
    if not attacked:
        return CorruptedSet(header=header, **arrays, seconds=seconds, reused_chunks=reused)
    if "smallest_eps" not in arrays:
        return TransferSet(header=header, **arrays, seconds=seconds, reused_chunks=reused)
    rows = [part.start + chunk["image_rows"] for part, chunk in zip(header.chunks, chunks)]
    return AdversarialSet(
        header=header,
        **arrays,
        image_rows=np.concatenate(rows),
        seconds=seconds,
        reused_chunks=reused,
    )
