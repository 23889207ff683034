"""Options of speech, checked and loaded before a clip is read."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from datasets.base.errors import InputError

if TYPE_CHECKING:
    from live.video.speech.lexicon import Lexicon
    from live.video.speech.listener import Listener


class Ears(NamedTuple):
    """What recognises words, and what knows their emotions."""

    listener: "Listener"
    lexicon: "Lexicon"


def load_ears(speech: bool, model: Path | None, lexicon: Path | None, language: str) -> Ears | None:
    """Load what the options name; None without --speech.

    Raises:
        InputError: an option of speech without --speech, no model, a wrong lexicon or language, or
            the extra is not installed.
    """
    given = {"--speech-model": model, "--lexicon": lexicon, "--language": language}
    if not speech:
        for option, value in given.items():
            if value:
                raise InputError(f"{option} needs --speech; got {value} without it. Add --speech.")
        return None
    from live.video.speech.lexicon import load_lexicon
    from live.video.speech.listener import Listener

    return Ears(Listener(model, language), load_lexicon(lexicon))
