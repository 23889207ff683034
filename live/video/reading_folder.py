"""A clip's folder in --out: which reading it holds, so that only the same one is resumed.

reading.json    clip, settings, weights; `notes`, `frames` and `seconds` once it is read
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from live.settings import Settings

READING = "reading.json"
VERSION = 1


def describe_reading(
    clip: Path,
    settings: Settings,
    classifiers: Sequence[Classifier],
    detector: str,
    min_size: int,
    people_sha256: str | None = None,
) -> dict[str, Any]:
    """What must match when a reading is resumed, as JSON values."""
    with clip.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "version": VERSION,
        "clip": clip.name,
        "clip_sha256": sha256,
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
    if {name: read_description(folder).get(name) for name in description} != description:
        raise InputError(
            f"{path}: --resume continues the same reading only, but its clip, models or options "
            "differ. Name another --out."
        )


def read_description(folder: Path) -> dict[str, Any]:
    """Description of the reading that a folder holds."""
    found: dict[str, Any] = json.loads((folder / READING).read_text(encoding="utf-8"))
    return found


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Write a description, with or without what is known at the end."""
    with atomic(folder / READING) as unfinished:
        text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
        unfinished.write_text(text, encoding="utf-8")
