"""What must match when a measurement of clips is resumed (R22), as `run.json` holds it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from attacks.sets.spec import CODE_VERSION
from datasets.base.hashes import file_sha256
from evaluation.readings.request import VideoReadingRequest

_ANYWHERE = ("clips", "data", "votes", "out", "resume")
"""Options that say where something is: files count by their content."""


def reading_identity(
    request: VideoReadingRequest,
    clips: Sequence[Path],
    faces_sha256: str | None,
    weights_sha256: Mapping[str, str],
) -> str:
    """Return the identity as JSON.

    Args:
        request: options.
        clips: the clip files.
        faces_sha256: identity of the labelled faces; None without planted clips.
        weights_sha256: hash of each model's weights.
    """
    asked = {name: value for name, value in asdict(request).items() if name not in _ANYWHERE}
    identity = {
        "code": CODE_VERSION,
        "deadpan_version": version("deadpan"),
        "options": asked,
        "clips_sha256": {clip.name: _sha256(clip) for clip in clips},
        "faces_sha256": faces_sha256,
        "weights_sha256": dict(weights_sha256),
    }
    return json.dumps(identity, indent=2, default=str) + "\n"


def _sha256(path: Path) -> str | None:
    """Hash of a clip; None where it cannot be read, which is said once it is its turn."""
    try:
        return file_sha256(path)
    except OSError:
        return None
