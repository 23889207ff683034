"""What was measured of clips, on disk: a killed command continues with what it lacks (R22).

    measured/KEY/chunk-00000.npz    the first window or block of a clip, as one model read it

Chunks are in the format of `attacks/sets/store.py`, and like sets they stay: a finished folder can
be scored again.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from attacks.sets.chunks import Arrays
from attacks.sets.store import Told, intact_chunk, read_chunk, write_chunk

FOLDER = "measured"


class _Header(NamedTuple):
    """See `attacks.sets.store.Chunked`."""

    key: str
    chunks: Sequence[slice]


class Kept:
    """The measured chunks of a run of `python -m evaluation.video`."""

    def __init__(self, out: Path, identity: str, on_damage: Told) -> None:
        """Look into the folder of a run; nothing is written yet.

        Args:
            out: folder of the run.
            identity: what was asked (`evaluation/readings/identity.py`).
            on_damage: called with a line of text for a damaged chunk.
        """
        self._folder, self._identity, self._on_damage = out / FOLDER, identity, on_damage

    def chunk(
        self, what: str, parts: Sequence[slice], index: int, make: Callable[[], Arrays]
    ) -> Arrays:
        """Read a chunk, or make and write it, also where a line says that it is damaged.

        Args:
            what: what the chunks are of: model and its weights, clip, steps.
            parts: frames of each chunk.
            index: number of the chunk.
            make: measures it.

        Raises:
            InputError: a chunk on disk belongs to something else.
        """
        header = _Header(self._key(f"{what} {parts}"), parts)
        folder = self._folder / header.key[:16]
        arrays = intact_chunk(folder, index, header, on_damage=self._on_damage)
        if arrays is None:
            made = make()
            folder.mkdir(parents=True, exist_ok=True)
            write_chunk(folder, index, header.key, made)
            arrays = read_chunk(folder, index, header)
        del arrays["key"]
        return arrays

    def _key(self, what: str) -> str:
        return hashlib.sha256(f"{self._identity}\n{what}".encode()).hexdigest()
