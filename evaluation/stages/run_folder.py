"""The folder of a run; only the same run can be resumed in it (R22)."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets.base.atomic import atomic, is_unfinished
from datasets.base.errors import InputError
from datasets.base.locks import LOCK
from datasets.faceset import FaceSet
from evaluation.config import RunConfig
from evaluation.results.schema import FINGERPRINTS
from fer_models.zoo import Description

IDENTITY = "run.json"
"""Logits of the models when the run began, see `evaluation/stages/fingerprints.py`."""
CONTRACTS = "contracts"
"""Folder of the contracts that a run has found, see `evaluation/stages/foreign_models.py`."""


def run_identity(config: RunConfig, faces: FaceSet, known: Sequence[Description]) -> str:
    """Return what must match when a run is resumed, as JSON.

    Args:
        config: what is measured.
        faces: the data, already limited.
        known: what is known of each model of the configuration, in its order.
    """
    identity = {
        "config": config.to_json(),
        "faces_sha256": faces.sha256,
        "weights_sha256": {
            name: model.weights_sha256 for name, model in zip(config.models, known, strict=True)
        },
    }
    return json.dumps(identity, indent=2) + "\n"


def holds_run(folder: Path) -> bool:
    """Whether a run was begun in the folder."""
    return (folder / IDENTITY).exists()


def check_run_folder(folder: Path, identity: str, resume: bool) -> None:
    """Refuse a folder that the run may not write into. Nothing is written.

    Raises:
        InputError: it holds this run but `resume` is false, or another run, or something else.
    """
    path = folder / IDENTITY
    if holds_run(folder):
        if not resume:
            raise InputError(f"{folder} holds a run already. Add --resume, or name another --out.")
        if (begun := path.read_bytes()) != identity.encode():
            raise InputError(
                f"{path}: --resume continues the same run only, but its data, weights or options "
                f"differ{_named_differences(begun, identity)}. Name another --out."
            )
    elif folder.exists() and not all(
        entry.name == LOCK or is_unfinished(entry) for entry in folder.iterdir()
    ):
        raise InputError(f"{folder} is not empty and holds no run. Name another --out.")


def _named_differences(begun: bytes, identity: str) -> str:
    """What differs, such as ` (faces, limit)`; nothing where the file is damaged."""
    try:
        before, now = (_fields(json.loads(text)) for text in (begun, identity))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ""
    names = [name for name in now if before.get(name) != now[name]]
    return f" ({', '.join(name.removesuffix('_sha256') for name in names)})" if names else ""


def _fields(identity: dict[str, Any]) -> dict[str, Any]:
    """The fields of an identity, with the options one by one."""
    options = {**identity.pop("config", {}), **identity.pop("options", {})}
    return {**identity, **options}


@contextmanager
def open_run_folder(folder: Path, identity: str, resume: bool) -> Iterator[None]:
    """Start or continue a run in a folder that is locked (`datasets/base/locks.py`).

    A run that is refused before anything is measured leaves nothing in the folder.

    Raises:
        InputError: see `check_run_folder`.
    """
    check_run_folder(folder, identity, resume)
    path = folder / IDENTITY
    is_new = not holds_run(folder)
    with atomic(path) as unfinished:
        unfinished.write_bytes(identity.encode())
    try:
        yield
    except InputError:
        unmeasured = {LOCK, IDENTITY, CONTRACTS, FINGERPRINTS}
        if is_new and {entry.name for entry in folder.iterdir()} <= unmeasured:
            shutil.rmtree(folder / CONTRACTS, ignore_errors=True)
            (folder / FINGERPRINTS).unlink(missing_ok=True)
            path.unlink()
        raise
