"""What the names of classes mean in one data set: the usual names, the user's, and those left out.

The usual names are in `datasets/emotion_names.py`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets.base.errors import InputError
from datasets.base.special_files import refuse_special_file
from datasets.emotion_names import EMOTIONS, emotion_of, plain_name
from datasets.fer2013 import csv_rows, short
from datasets.readers.listing import Listed, Listing

ALL = "all"
"""With `--ignore-classes`: every class that means no emotion."""

_COLUMNS = ("class", "emotion")


@dataclass(frozen=True)
class ClassNames:
    """How to read the names of classes.

    Attributes:
        meant: the emotion of each name that the user gave a meaning, names as by `plain_name`.
        ignored: names whose faces are left out, as given; `all` means those without an emotion.
    """

    meant: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @classmethod
    def of(cls, file: Path | str | None, ignored: str | None) -> "ClassNames":
        """Read the options `--classes` and `--ignore-classes`.

        Args:
            file: csv with the columns class and emotion.
            ignored: names, separated by commas.

        Raises:
            InputError: the file is missing or a row names no emotion.
        """
        names = tuple(name.strip() for name in (ignored or "").split(",") if name.strip())
        return cls({} if file is None else _read(Path(file)), names)

    def emotion(self, name: str) -> str | None:
        """The emotion that a name means; None if it has none."""
        return self.meant.get(plain_name(name)) or emotion_of(name)

    def ignores(self, name: str) -> bool:
        """Whether faces of this class are left out."""
        if plain_name(name) in map(plain_name, self.ignored):
            return True
        return ALL in self.ignored and self.emotion(name) is None


USUAL_NAMES = ClassNames()
"""The usual names only, and no class left out."""


def emotions_of(listing: Listing, names: ClassNames) -> tuple[list[str | None], tuple[str, ...]]:
    """Return the emotion of each face, None for those left out, and what to say of the latter.

    Raises:
        InputError: a class that means no emotion and is not left out, or a name to be left out that
            is not in the data.
    """
    declared = dict(listing.declared)
    for face in listing.faces:
        declared.setdefault(face.name, face.where or str(face.path.parent))
    known = {name: None if names.ignores(name) else names.emotion(name) for name in declared}
    counts = Counter(face.name for face in listing.faces)
    for name, where in declared.items():
        if known[name] is None and not names.ignores(name):
            raise InputError(_unknown(name, where, counts[name]))
    for name in names.ignored:
        if name != ALL and plain_name(name) not in map(plain_name, declared):
            raise InputError(
                f"--ignore-classes must name classes of the data ({', '.join(declared)}) or "
                f"{ALL}; got {name!r}."
            )
    emotions = [known[face.name] for face in listing.faces]
    return emotions, _left_out(listing.faces, emotions)


def _left_out(faces: Sequence[Listed], emotions: Sequence[str | None]) -> tuple[str, ...]:
    left = Counter(
        face.name for face, emotion in zip(faces, emotions, strict=True) if emotion is None
    )
    if not left:
        return ()
    names = ", ".join(f"{name} {count:,}" for name, count in left.most_common())
    return (f"{_faces(left.total())} of other classes left out: {names}",)


def _unknown(name: str, where: str, count: int) -> str:
    faces = _faces(count)
    if not name.strip():
        return (
            f"{where}: expected a class, found an empty cell ({faces}). Fill it in, or leave such "
            f"faces out: --ignore-classes {ALL}"
        )
    what = (
        "the name of a class, as numbers mean nothing without names"
        if name.isdigit()
        else f"a class that means one of {', '.join(EMOTIONS)}, or a common synonym"
    )
    return (
        f"{where}: expected {what}; found {short(name)} ({faces}). Say what it means in "
        f"--classes FILE.csv (a line '{name},happy' below '{','.join(_COLUMNS)}'), or leave its "
        f"faces out: --ignore-classes {name}"
    )


def _faces(count: int) -> str:
    return f"{count:,} face{'' if count == 1 else 's'}"


def _read(file: Path) -> dict[str, str]:
    refuse_special_file(file, "a csv for --classes")
    try:
        with open(file, "rb") as stream:
            rows = list(csv_rows(stream, str(file), _COLUMNS))
    except OSError as error:
        raise InputError(
            f"--classes must be a csv with the columns {' and '.join(_COLUMNS)}; got {file}: "
            f"{error.strerror}."
        ) from error
    meant: dict[str, str] = {}
    for where, (name, word) in rows:
        emotion = emotion_of(word)
        if emotion is None:
            raise InputError(
                f"{where}: expected an emotion ({', '.join(EMOTIONS)}), found {short(word)}."
            )
        if meant.get(plain_name(name), emotion) != emotion:
            raise InputError(f"{where}: expected one meaning of {name!r}, found two. Keep one.")
        meant[plain_name(name)] = emotion
    return meant
