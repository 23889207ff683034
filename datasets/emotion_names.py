"""What emotions are called: one table of names for folders, contracts and `id2label`."""

import unicodedata
from difflib import get_close_matches

_NAMES = {
    "angry": ("anger", "angry", "ang", "annoyed"),
    "disgust": ("disgust", "disgusted", "disgusting", "dis"),
    "fear": ("fear", "fearful", "feared", "afraid", "scared"),
    "happy": ("happy", "happiness", "happily", "joy", "joyful", "hap"),
    "sad": ("sad", "sadness", "sadly"),
    "surprise": ("surprise", "surprised", "surprising", "suprise", "sur"),
    "neutral": ("neutral", "neutrality", "natural", "normal", "neu"),
    "contempt": ("contempt", "contemptuous", "contemptous"),
}
EMOTIONS = tuple(_NAMES)
"""The seven classes of FER2013, in the order of its labels, and contempt."""

EMOTION_OF = {name: emotion for emotion, names in _NAMES.items() for name in names}
"""The emotion that each name means, in the words of FER2013, and contempt."""

OTHERS = {
    *("none", "uncertain", "unknown", "unsure", "other", "others"),
    *("noface", "nonface", "notaface", "nf", "background", "calm", "boredom", "bored"),
    *("confused", "confusion", "excited", "excitement", "sleepy", "tired", "pain"),
}
"""Names that models give to classes that no label set has, without spaces, `-` and `_`."""


def emotion_of(name: str) -> str | None:
    """The emotion that a name means, in the words of FER2013 (or contempt); None for others."""
    return EMOTION_OF.get(plain_name(name))


def check_other(name: str) -> None:
    """Refuse a class name that is neither an emotion nor a known name of something else.

    A slip of the pen would otherwise leave the faces of an emotion out of every figure.

    Raises:
        ValueError: neither.
    """
    if plain_name(name) in OTHERS:
        return
    close = get_close_matches(plain_name(name), EMOTION_OF, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"classes must be emotions ({', '.join(_NAMES)}, or synonyms) or a name such as none, "
        f"uncertain or other; got {name!r}.{hint}"
    )


def plain_name(name: str) -> str:
    """A name as it is looked up: lower case, without spaces, `-` and `_` where it has to be.

    An accent is a part of its letter; names of folders from a Mac have it as one of its own.
    """
    lower = unicodedata.normalize("NFC", name.strip().lower())
    return lower if lower in EMOTION_OF else "".join(c for c in lower if c not in " -_")
