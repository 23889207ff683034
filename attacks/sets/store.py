"""Sets of attacked or corrupted images on disk: a folder of fixed chunks and a manifest.

    manifest.json      kind, key, spec, source, counts, schema version
    chunk-00000.npz    rows 0 to 99 of the set, whole or not there at all
    chunk-00001.npz    ...

The manifest comes before the chunks, so a killed run can be continued; a set is complete when its
last chunk is there. Not here: making sets (`attacks/sets/sweep.py`).
"""

import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attacks.base import BATCH_ROWS
from attacks.sets.spec import SetSpec
from attacks.threat_model import format_eps
from datasets.base.atomic import atomic
from datasets.base.errors import InputError

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
SMALLEST_EPS, SMALLEST_EPS_ON_DISK = "smallest_eps", "broken_at"
"""An array's name in memory, and in chunks since the first version."""


@dataclass(frozen=True)
class SetHeader:
    """What `manifest.json` says.

    Attributes:
        key: identity, see `SetSpec.key`.
        spec: perturbation, grid, options, attacked labels, seed.
        source: id of the model that gave the gradients, or ids joined by commas; empty for a
            corruption.
        classes: the model's classes, to which labels refer; empty for a corruption.
        faces_sha256: identity of the clean images, `FaceSet.sha256` of the same rows.
        count: N, rows in the set.
        image_shape: (H, W, C).
        precision: number format of gradients; broken is always said in float32.
    """

    key: str
    spec: SetSpec
    source: str
    classes: tuple[str, ...]
    faces_sha256: str
    count: int
    image_shape: tuple[int, int, int]
    precision: str = "float32"

    @property
    def chunks(self) -> list[slice]:
        """Rows of each chunk."""
        return [slice(i, min(i + BATCH_ROWS, self.count)) for i in range(0, self.count, BATCH_ROWS)]


@dataclass(frozen=True, eq=False)
class AdversarialSet:
    """One attack's sweep over its eps grid (E values) on N images.

    Attributes:
        header: what it is.
        row_ids: int64 (N,), rows of the FaceSet, which holds the clean images.
        labels: int64 (N,), attacked labels.
        smallest_eps: float64 (N,): 0.0 wrong on clean, else the smallest eps of the grid that broke
            the image, NaN where it stood the whole grid.
        images: float32 (B, H, W, C), each broken image once, at that eps.
        image_rows: int64 (B,), ascending: where each of `images` stands among the N rows.
        forward: int64 (N,), forward passes spent on the image over the whole grid.
        backward: int64 (N,), backward passes.
        zero_gradients: int64 (N,), gradients without a nonzero pixel.
        seconds: float64 (E,), time at each eps.
        reused_chunks: how many chunks were there before this call (0 when only read).
    """

    header: SetHeader
    row_ids: np.ndarray
    labels: np.ndarray
    smallest_eps: np.ndarray
    images: np.ndarray
    image_rows: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    zero_gradients: np.ndarray
    seconds: np.ndarray
    reused_chunks: int = 0

    @property
    def success(self) -> np.ndarray:
        """bool (N, E): wrong at each eps, the clean image or one broken at that eps or below."""
        return self.smallest_eps[:, None] <= np.array(self.header.spec.grid)

    def attacked(self, clean: np.ndarray, eps: float) -> np.ndarray:
        """Images as the attack leaves them at eps: broken ones, the others clean.

        Args:
            clean: float32 (N, H, W, C), the clean images of the same rows.
            eps: any radius; images broken at larger ones stay clean.
        """
        images = clean.copy()
        within = self.smallest_eps[self.image_rows] <= eps
        images[self.image_rows[within]] = self.images[within]
        return images

    def lines(self) -> list[str]:
        """One line an eps for people: "pgd linf 4/255: 412 of 500 broken, 3.1 s".

        Counted are faces that were right before the attack.
        """
        spec, right = self.header.spec, self.smallest_eps != 0
        return [
            f"{spec.perturbation} {spec.norm} {format_eps(eps)}: "
            f"{self.success[right, e].sum()} of {right.sum()} broken, {self.seconds[e]:.1f} s"
            for e, eps in enumerate(spec.grid)
        ]


@dataclass(frozen=True, eq=False)
class CorruptedSet:
    """One corruption of N images at S severities.

    Attributes:
        header: what it is; the grid holds the severities.
        row_ids: int64 (N,).
        images: float32 (N, S, H, W, C).
        seconds: float64 (S,).
        reused_chunks: how many chunks were there before this call (0 when only read).
    """

    header: SetHeader
    row_ids: np.ndarray
    images: np.ndarray
    seconds: np.ndarray
    reused_chunks: int = 0

    @property
    def severities(self) -> tuple[int, ...]:
        """The S severities, ascending."""
        return tuple(int(severity) for severity in self.header.spec.grid)

    def lines(self) -> list[str]:
        """One line for people: "jpeg severity 1, 3, 5: 500 images each, 0.4 s"."""
        severities = ", ".join(map(str, self.severities))
        return [
            f"{self.header.spec.perturbation} severity {severities}: "
            f"{len(self.row_ids)} images each, {self.seconds.sum():.1f} s"
        ]


@dataclass(frozen=True, eq=False)
class TransferSet:
    """N images attacked on one model at one eps, every one kept, to be shown to other models.

    Attributes:
        header: what it is; its grid holds the one eps.
        row_ids: int64 (N,).
        labels: int64 (N,), attacked labels in the classes of the model they were made on.
        images: float32 (N, H, W, C), as the attack left them, whether they broke or not.
        forward: int64 (N,), forward passes spent on the image.
        backward: int64 (N,), backward passes.
        zero_gradients: int64 (N,), gradients without a nonzero pixel.
        seconds: float64 (1,).
        reused_chunks: how many chunks were there before this call (0 when only read).
    """

    header: SetHeader
    row_ids: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    zero_gradients: np.ndarray
    seconds: np.ndarray
    reused_chunks: int = 0

    def lines(self) -> list[str]:
        """One line for people: "transfer linf 4/255: 100 images for other models, 3.1 s"."""
        spec = self.header.spec
        return [
            f"{spec.perturbation} {spec.norm} {format_eps(spec.grid[0])}: "
            f"{len(self.row_ids)} images for other models, {self.seconds.sum():.1f} s"
        ]


AnySet = AdversarialSet | CorruptedSet | TransferSet


def open_set(directory: Path) -> AnySet:
    """Read a complete set.

    Raises:
        InputError: no set, unknown schema version, unfinished, or a damaged chunk.
    """
    header = read_header(directory)
    return assemble(header, [read_chunk(directory, i, header) for i in range(len(header.chunks))])


def find_set(key: str, directories: Iterable[Path]) -> Path | None:
    """Folder of the complete set with this key, in the directories or up to two levels below."""
    for directory in directories:
        for level in ("", "*/", "*/*/"):
            for manifest in sorted(directory.glob(level + MANIFEST)):
                if _is_complete(manifest.parent, key):
                    return manifest.parent
    return None


def assemble(header: SetHeader, chunks: list[dict[str, np.ndarray]], reused: int = 0) -> AnySet:
    """Put the arrays of all chunks together, in order."""
    arrays = {
        name: np.concatenate([chunk[name] for chunk in chunks])
        for name in chunks[0]
        if name not in ("key", "seconds", "image_rows")
    }
    seconds = np.sum([chunk["seconds"] for chunk in chunks], axis=0)
    if not header.spec.is_attack:
        return CorruptedSet(header, **arrays, seconds=seconds, reused_chunks=reused)
    if "smallest_eps" not in arrays:
        return TransferSet(header, **arrays, seconds=seconds, reused_chunks=reused)
    rows = [part.start + chunk["image_rows"] for part, chunk in zip(header.chunks, chunks)]
    return AdversarialSet(
        header, **arrays, image_rows=np.concatenate(rows), seconds=seconds, reused_chunks=reused
    )


def chunk_path(directory: Path, index: int) -> Path:
    """File of a chunk."""
    return directory / f"chunk-{index:05d}.npz"


def write_chunk(directory: Path, index: int, key: str, arrays: dict[str, np.ndarray]) -> None:
    """Write a chunk atomically; it carries its set's key."""
    path = chunk_path(directory, index)
    with atomic(path) as unfinished:
        named: dict[str, Any] = {"key": np.array(key), **arrays}
        if SMALLEST_EPS in named:
            named[SMALLEST_EPS_ON_DISK] = named.pop(SMALLEST_EPS)
        np.savez(unfinished, **named)


def read_chunk(directory: Path, index: int, header: SetHeader) -> dict[str, np.ndarray]:
    """Read a chunk's arrays.

    Raises:
        InputError: not there, damaged, or of another set.
    """
    path = chunk_path(directory, index)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if SMALLEST_EPS_ON_DISK in arrays:
            arrays[SMALLEST_EPS] = arrays.pop(SMALLEST_EPS_ON_DISK)
        if str(arrays["key"]) != header.key:
            raise InputError(
                f"{path}: this chunk belongs to another set. Delete the folder, or name another."
            )
        return arrays
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: expected chunk {index + 1} of {len(header.chunks)}, found no such file. "
            "The set is unfinished: run the command that makes it again to go on."
        ) from error
    except (OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(_damaged(path, error)) from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(_damaged(path, error)) from error


def write_header(directory: Path, header: SetHeader) -> None:
    """Write the manifest atomically."""
    values = {"schema_version": SCHEMA_VERSION, **asdict(header), "spec": header.spec.to_json()}
    with atomic(directory / MANIFEST) as unfinished:
        unfinished.write_text(json.dumps(values, indent=2) + "\n")


def read_header(directory: Path) -> SetHeader:
    """Read the manifest.

    Raises:
        InputError: not there, not a manifest, or of another schema version.
    """
    path = directory / MANIFEST
    try:
        values: dict[str, Any] = json.loads(path.read_text())
        version = values.pop("schema_version", None)
        if version != SCHEMA_VERSION:
            raise InputError(
                f"{path}: expected schema version {SCHEMA_VERSION}, found {version}. "
                "Make the set again with this version."
            )
        values["spec"] = SetSpec.from_json(values["spec"])
        for name in ("classes", "image_shape"):
            values[name] = tuple(values[name])
        return SetHeader(**values)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: expected a set of attacked images, found no such file. "
            "Make one with `python -m attacks.generate`."
        ) from error
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:  # no JSON
        raise InputError(f"{path}: expected the manifest of a set, found {error!r}.") from error


def _is_complete(directory: Path, key: str) -> bool:
    """Whether it holds all chunks of this set; other manifests (a run's) are no sets."""
    try:
        header = read_header(directory)
    except InputError:
        return False
    chunks = range(len(header.chunks))
    return header.key == key and all(chunk_path(directory, i).exists() for i in chunks)


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"{path}: this chunk is damaged ({type(error).__name__}: {error}). "
        "Delete it and run the command that makes the set again."
    )
