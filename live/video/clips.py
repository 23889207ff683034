"""Which clips a command line names: files, or all clips of a folder."""

import sys
from collections.abc import Sequence
from pathlib import Path

from datasets.base.errors import InputError
from datasets.base.special_files import refuse_special_file
from datasets.image_files import count_endings, may_be_ignored
from faces.photos import check_name

CLIP_ENDINGS = (
    *(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".3gp", ".ogv", ".gif"),
)
"""Endings of the files that are read in a folder, in lower case; a file that is named is tried."""


def find_clips(paths: Sequence[Path]) -> list[Path]:
    """Return the clips themselves, and those of folders by name; one that is named twice, once.

    Files of a folder that are no clips are named on standard error.

    Raises:
        InputError: no such path, a folder without clips, two clips of one name, a name that is not
            UTF-8 text, or a pipe.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += _in_folder(path)
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path}: expected a clip or a folder; found no such path.")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.absolute(), path)
    names: dict[str, Path] = {}
    for clip in once.values():
        check_name(clip)
        refuse_special_file(clip, "a clip")
        if clip.stem in names:
            raise InputError(
                f"two clips would write into one folder, {clip.stem}: {names[clip.stem]} and "
                f"{clip}. Rename one, or use two commands."
            )
        names[clip.stem] = clip
    return list(names.values())


def _in_folder(folder: Path) -> list[Path]:
    files = [file for file in sorted(folder.iterdir()) if not file.is_dir()]
    clips = [f for f in files if f.suffix.lower() in CLIP_ENDINGS and not f.name.startswith(".")]
    if not clips:
        raise InputError(
            f"{folder}: expected clips ({', '.join(CLIP_ENDINGS)}); found none. "
            "Name another folder, or a file."
        )
    left = [file for file in files if file not in clips and not may_be_ignored(file)]
    if left:
        print(f"{folder}: not read, since no clips: {count_endings(left)}", file=sys.stderr)
    return clips
