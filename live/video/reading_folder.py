"""A clip's folder in --out: which reading it holds, so that only the same one is resumed.

reading.json    clip, settings, weights; `notes`, `frames` and `seconds` once it is read
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from fer_models.classifier import Classifier
from live.settings import Settings

READING = "reading.json"
_DAMAGED = "expected a reading's description; it is damaged. Delete its folder, then read again."
VERSION = 4
"""Changes whenever the same clip gives other rows: 2 turns, mirrors and stretches frames as players
do, 3 gives a face that is back after a second and a quarter another track, 4 learns a sticker at
the size of the faces that the model takes."""


def describe_reading(
    clip: Path,
    settings: Settings,
    classifiers: Sequence[Classifier],
    detector: str,
    min_size: int,
    people_sha256: str | None = None,
) -> dict[str, Any]:
    """What must match when a reading is resumed, as JSON values."""
    return {
        "version": VERSION,
        "clip": clip.name,
        "clip_sha256": file_sha256(clip),
        "models": {classifier.id: classifier.weights_sha256 for classifier in classifiers},
        "detector": detector,
        "min_size": min_size,
        "people_sha256": people_sha256,
        "settings": settings.model_dump(),
    }


def check_folder(folder: Path, description: dict[str, Any], resume: bool) -> None:
    """Refuse a clip's folder that the reading may not write into. Nothing is written.

    Raises:
        InputError: it holds a reading but `resume` is false, another reading, or something else.
    """
    path = folder / READING
    if not path.exists():
        if folder.exists() and any(not file.name.startswith(".") for file in folder.iterdir()):
            raise InputError(f"{folder} is not empty and holds no reading. Name another --out.")
        return
    if not resume:
        raise InputError(f"{folder} holds a reading already. Add --resume, or name another --out.")
    known = read_description(folder)
    if known.get("version") != VERSION:
        raise InputError(
            f"{path}: --resume continues a reading of this version of Deadpan only; another one "
            "began it and may have read frames or followed faces differently. Name another --out."
        )
    if {name: known.get(name) for name in description} != description:
        raise InputError(
            f"{path}: --resume continues the same reading only, but its clip, models or options "
            "differ. Name another --out."
        )


def read_description(folder: Path) -> dict[str, Any]:
    """Description of the reading that a folder holds.

    Raises:
        InputError: it is damaged.
    """
    path = folder / READING
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not JSON, not text, or nested too deeply
        raise InputError(f"{path}: {_DAMAGED}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: {_DAMAGED}")
    return found


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Write a description, with or without what is known at the end."""
    with atomic(folder / READING) as unfinished:
        text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
        unfinished.write_text(text, encoding="utf-8")
