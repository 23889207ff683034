"""How files of labelled faces are read: the options of `datasets/data_options.py`, checked."""

from dataclasses import dataclass, field

from datasets.base.errors import InputError
from datasets.base.options import parse_choice
from datasets.data_options import LARGEST_SIDE, SMALLEST_SIDE, DataOptions, Format
from datasets.readers.classes import ClassNames
from datasets.readers.pictures import FindFace
from datasets.readers.table import USUAL


@dataclass(frozen=True)
class Reading:
    """How files of labelled faces are read.

    Attributes:
        form: form of the data; None: found by looking.
        columns: names of columns by role (path, label, split, votes), where not the usual ones.
        names: what the names of classes mean.
        side: height and width that images are brought to; None: the most frequent size.
        find_face: cuts faces out; None: they fill their images.
    """

    form: Format | None = None
    columns: tuple[tuple[str, str], ...] = ()
    names: ClassNames = field(default_factory=ClassNames)
    side: int | None = None
    find_face: FindFace | None = None

    @classmethod
    def of(cls, options: DataOptions, find_face: FindFace | None = None) -> "Reading":
        """Check the options.

        Raises:
            InputError: an unknown format or role, a size out of range, or a faulty file of names.
        """
        side = options.size
        if side is not None and not SMALLEST_SIDE <= side <= LARGEST_SIDE:
            raise InputError(
                f"--size must be from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels; got {side}."
            )
        return cls(
            parse_choice(Format, options.format, "--format") if options.format else None,
            tuple(_columns(options.columns or "").items()),
            ClassNames.of(options.classes, options.ignore_classes),
            side,
            find_face,
        )


AS_FOUND = Reading()
"""Everything by default."""


def _columns(words: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        role, equals, name = word.partition("=")
        if role not in USUAL or not (equals and name) or role in found:
            raise InputError(
                f"--columns must be ROLE=NAME with the roles {', '.join(USUAL)}, each once, such "
                f"as path=img,label=expression; got {words!r}."
            )
        found[role] = name
    return found
