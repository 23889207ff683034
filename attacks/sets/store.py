"""Read and write sets of attacked or corrupted images: a folder of fixed chunks and a manifest.

    manifest.json      kind, key, spec, source, counts, schema version
    chunk-00000.npz    rows 0 to 99 of the set, complete or absent
    chunk-00001.npz    ...

The manifest is written before the chunks, so a killed run can be continued; a set is complete when
its last chunk exists. Not here: what the arrays are (`attacks/sets/contents.py`), making them
(`attacks/sets/sweep.py`).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from attacks.sets.contents import AnySet, SetHeader, assemble
from attacks.sets.spec import CorruptionSpec, spec_from_json
from attacks.sets.stored_images import StoredImages
from datasets.base.atomic import atomic
from datasets.base.errors import DAMAGED_ARRAYS, InputError, words_of
from datasets.base.npz import read_npz

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
_MOST_ROWS = 10**8
"""Most images of a set; a manifest with more is damaged."""
Told = Callable[[str], object]
"""Called with a line of text."""
SMALLEST_EPS, SMALLEST_EPS_ON_DISK = "smallest_eps", "broken_at"
"""An array's name in memory, and its name in chunks since the first version."""


class DamagedChunkError(InputError):
    """A chunk was changed or cut short after it was written; making it again repairs the set."""


class Chunked(Protocol):
    """What is kept in chunks: its identity, and the rows of each."""

    @property
    def key(self) -> str:
        """Identity, which each chunk carries."""

    @property
    def chunks(self) -> Sequence[slice]:
        """Rows of each chunk."""


def open_set(directory: Path) -> AnySet:
    """Read a complete set.

    Raises:
        InputError: no set, an unknown schema version, an unfinished set or a damaged chunk.
    """
    header = read_header(directory)
    numbers = range(len(header.chunks))
    chunks = (read_chunk(directory, number, header) for number in numbers)
    outlines = [outline_of(directory, i, header, chunk) for i, chunk in enumerate(chunks)]
    return join_chunks(directory, header, outlines)


def join_chunks(
    directory: Path, header: SetHeader, outlines: list[dict[str, np.ndarray]], reused: int = 0
) -> AnySet:
    """The set of all chunks, whose images are read again where they are indexed.

    Args:
        directory: folder of the set.
        header: its header.
        outlines: of each chunk, what `outline_of` returned.
        reused: number of chunks that were there before.

    Raises:
        InputError: the chunks do not fit together.
    """
    images = StoredImages(
        lambda index: read_chunk(directory, index, header)["images"],
        [_images_in(outline) for outline in outlines],
        _image_shape(header),
    )
    try:
        return assemble(header, outlines, images, reused)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{directory}: expected chunks with the same arrays, found {words_of(error)}. Delete "
            "the folder and run the command that makes the set again."
        ) from error


def complete_sets(directory: Path) -> dict[str, Path]:
    """Folders of the complete sets in a directory or up to two levels below, by key."""
    found: dict[str, Path] = {}
    for level in ("", "*/", "*/*/"):
        for manifest in sorted(directory.glob(level + MANIFEST)):
            if key := _key_of_complete(manifest.parent):
                found.setdefault(key, manifest.parent)
    return found


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


def read_chunk(directory: Path, index: int, header: Chunked) -> dict[str, np.ndarray]:
    """Read a chunk's arrays.

    Raises:
        DamagedChunkError: its bytes are not those that were written.
        InputError: it is missing, or belongs to another set.
    """
    path = chunk_path(directory, index)
    try:
        arrays = read_npz(path)
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
            "The set is unfinished: run the command that makes it again."
        ) from error
    except InputError:
        raise
    except DAMAGED_ARRAYS as error:
        raise DamagedChunkError(_damaged(path, error)) from error


def intact_chunk(
    directory: Path,
    index: int,
    header: Chunked,
    row_ids: np.ndarray | None = None,
    on_damage: Told | None = None,
) -> dict[str, np.ndarray] | None:
    """Arrays of a chunk; None where it is to be made: it is missing, or damaged.

    Args:
        directory: folder of the set.
        index: number of the chunk.
        header: of the set.
        row_ids: int64 (N,), the faces that it must hold; None where chunks name none.
        on_damage: called with a line of text for a damaged chunk.

    Raises:
        InputError: it belongs to another set.
    """
    path = chunk_path(directory, index)
    if not path.exists():
        return None
    try:
        arrays = read_chunk(directory, index, header)
        if row_ids is None or np.array_equal(arrays.get("row_ids", ()), row_ids):
            return arrays
        why = "it holds other faces"
    except DamagedChunkError as error:
        why = words_of(error.__cause__ or error)
    if on_damage:
        on_damage(f"{path}: damaged ({why}), so it is made again")
    return None


def outline_of(
    directory: Path, index: int, header: SetHeader, chunk: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The arrays of a chunk that was read, without the images, which may be many.

    Raises:
        DamagedChunkError: its images are not those of its rows.
    """
    try:
        images = chunk.pop("images")
        expected = (_images_in(chunk), *_image_shape(header))
        if images.shape != expected or images.dtype != np.float32:
            raise ValueError(f"images of {images.dtype} {images.shape}, not float32 {expected}")
        rows = chunk.get("image_rows", np.empty(0, np.int64))
        if not (np.diff(rows, prepend=-1, append=len(chunk["row_ids"])) > 0).all():
            raise ValueError("`image_rows` that are not ascending places of its rows")
        return chunk
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedChunkError(_damaged(chunk_path(directory, index), error)) from error


def _images_in(outline: dict[str, np.ndarray]) -> int:
    """Number of images of a chunk: of its broken rows, or of all."""
    return len(outline["image_rows"] if "image_rows" in outline else outline["row_ids"])


def _image_shape(header: SetHeader) -> tuple[int, ...]:
    """Shape of what a row has: one image, or one for each severity."""
    severities = (len(header.spec.grid),) if isinstance(header.spec, CorruptionSpec) else ()
    return (*severities, *header.image_shape)


def write_header(directory: Path, header: SetHeader) -> None:
    """Write the manifest atomically."""
    values = {"schema_version": SCHEMA_VERSION, **asdict(header), "spec": header.spec.to_json()}
    with atomic(directory / MANIFEST) as unfinished:
        unfinished.write_text(json.dumps(values, indent=2) + "\n")


def read_header(directory: Path) -> SetHeader:
    """Read the manifest.

    Raises:
        InputError: it is missing, not a manifest, or of another schema version.
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
        values["spec"] = spec_from_json(values["spec"])
        for name in ("classes", "image_shape"):
            values[name] = tuple(values[name])
        header = SetHeader(**values)
        if not (isinstance(header.count, int) and 0 < header.count <= _MOST_ROWS):
            raise InputError(
                f"{path}: expected a count of images from 1 to {_MOST_ROWS:,}, found "
                f"{str(header.count)[:80]!r}. Make the set again."
            )
        return header
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: expected a set of attacked images, found no such file. "
            "Make one with `python -m attacks.generate`."
        ) from error
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: expected the manifest of a set, found {error!r}.") from error


def _key_of_complete(directory: Path) -> str:
    """Key of the set whose chunks a folder holds, all of them; empty for any other folder."""
    try:
        header = read_header(directory)
    except InputError:  # a run's manifest, for example
        return ""
    chunks = range(len(header.chunks))
    return header.key if all(chunk_path(directory, i).exists() for i in chunks) else ""


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"{path}: this chunk is damaged ({type(error).__name__}: {error}). "
        "Delete it and run the command that makes the set again."
    )
