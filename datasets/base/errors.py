"""The error for a user's mistakes, and the errors of other people's code in whole sentences.

An `InputError` is one line, exit code 2, no traceback.
"""

import re
import tokenize
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

MOST_QUOTED = 300
"""Characters of an error that are quoted; its first sentence is quoted whole."""
DAMAGED_ARRAYS = (
    *(OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error),
    *(SyntaxError, tokenize.TokenError),  # the header of an array is Python
    *(TypeError, OverflowError, MemoryError),  # its shape or kind is impossible, or no archive
    SystemError,  # text with characters that do not exist
    RuntimeError,  # encrypted, or packed in a way that zipfile does not know
)
"""What reading a damaged `.npy` or `.npz` with numpy raises, at opening or at any array."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ABOUT_THE_LAYER = "Exception encountered when calling"
"""How Keras begins an error of a layer; the reason is in the next paragraph."""
_ABOUT_THE_SCRIPT = "The following operation failed in the TorchScript interpreter"
"""How PyTorch begins an error of TorchScript; the reason is in the last paragraph or line."""
_MOST_SHOWN = 80
"""Characters of a value that is refused."""


class InputError(ValueError):
    """Invalid input: a file, an option, an image.

    The message is one line: the rule, the value received, and the next step.
    """


class BrokenLibraryError(InputError):
    """A library has failed so that it would crash the process where Python ends as usual."""


def first_fault(error: "ValidationError") -> str:
    """The first fault that pydantic found, without a last full stop.

    Its field, the rule, and the value unless a rule of ours has named it: `height: missing`,
    `channels: Input should be 1 or 3; got 2`.
    """
    first = error.errors()[0]
    known = {"extra_forbidden": "no such field", "missing": "missing"}
    plainly = {"tuple_type": "it must be a list in square brackets"}
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    words = known.get(first["type"]) or plainly.get(first["type"], said)
    if first["type"] == "model_type":
        words = f"it must hold fields with their values; got {type(first['input']).__name__}"
    elif first["type"] not in (*known, "value_error"):
        shown = repr(first["input"])
        words = f"{words}; got {shown[:_MOST_SHOWN]}{'...' * (len(shown) > _MOST_SHOWN)}"
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {words}" if place else words


def words_of(error: BaseException) -> str:
    """What an error says, in whole sentences and without a last full stop.

    The kind is named where the message alone is not a sentence, as in `KeyError: 'x'`; a ValueError
    explains itself.
    """
    text = _COLOURS.sub("", str(error)).strip()
    if text.startswith(_ABOUT_THE_SCRIPT):
        text = text.rpartition("\nRuntimeError: ")[2]
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    if paragraphs[0].startswith(_ABOUT_THE_LAYER) and len(paragraphs) > 1:
        paragraphs = paragraphs[1:]
    first, *others = re.split(r"(?<=[.!?])\s+", paragraphs[0])
    for sentence in others:
        if len(first) + len(sentence) >= MOST_QUOTED:
            break
        first = f"{first} {sentence}"
    kind = type(error).__name__
    said = first.rstrip(".:")
    if not said:
        return kind
    return said if isinstance(error, ValueError) else f"{kind}: {said}"
