"""The speech of one clip: recognise its words, and write them beside its rows.

Writes `words.csv` (`live/video/speech/words.py`) and

    speech.json    model, lexicon, languages, and what was wrong with the sound
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from datasets.base.atomic import atomic
from datasets.base.errors import InputError, first_fault
from live.video.speech.lexicon import Lexicon
from live.video.speech.listener import Listener, Word
from live.video.speech.samples import SoundTrack
from live.video.speech.words import WORDS, write_words

SPEECH = "speech.json"
NO_SOUND = "The clip has no sound track, so no words were recognised."


@dataclass(frozen=True)
class Speech:
    """How the words of a clip were found.

    Attributes:
        model: name of the Whisper model.
        language: language that was asked for; empty: it was detected.
        lexicon: name of the lexicon.
        lexicon_version: changes with the lexicon's content.
        model_sha256: identity of the Whisper model's files; empty in files of older versions.
        languages: languages that were recognised, the most frequent first.
        notes: what was wrong with the sound, a sentence each.
    """

    model: str
    language: str
    lexicon: str
    lexicon_version: str
    model_sha256: str = ""
    languages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_speech(
    clip: Path,
    folder: Path,
    listener: Listener,
    lexicon: Lexicon,
    progress: Callable[[int, int], object],
) -> None:
    """Write the words of a clip, unless the same model and lexicon have written them before.

    What was wrong with the sound is printed on standard error.

    Args:
        clip: the clip.
        folder: its folder, with its rows.
        listener: recognises words.
        lexicon: knows their emotions.
        progress: called with the numbers of seconds that are done and expected.

    Raises:
        InputError: the clip cannot be opened any more.
    """
    asked = Speech(listener.name, listener.language, lexicon.name, lexicon.version, listener.sha256)
    known = read_speech(folder)
    if known is None or _options(known) != _options(asked):
        track = SoundTrack(clip)
        words, languages = _hear(track, listener, progress)
        notes = tuple(track.notes) if track.exists else (NO_SOUND,)
        write_words(folder, words, lexicon)
        known = Speech(**{**asdict(asked), "languages": languages, "notes": notes})
        with atomic(folder / SPEECH) as unfinished:
            text = json.dumps(asdict(known), indent=2, ensure_ascii=False) + "\n"
            unfinished.write_text(text, encoding="utf-8")
    for note in known.notes:
        print(f"{clip}: {note}", file=sys.stderr)


def read_speech(folder: Path) -> Speech | None:
    """How the words in a clip's folder were found; None if it has none.

    Raises:
        InputError: the file is damaged.
    """
    if not ((folder / SPEECH).exists() and (folder / WORDS).exists()):
        return None
    try:
        return TypeAdapter(Speech).validate_json((folder / SPEECH).read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{folder / SPEECH}: expected how words were found; {first_fault(error)}. Delete it: "
            "the clip is listened to again."
        ) from error


def _options(speech: Speech) -> tuple[str, ...]:
    whisper = (speech.model, speech.model_sha256, speech.language)
    return *whisper, speech.lexicon, speech.lexicon_version


def _hear(
    track: SoundTrack, listener: Listener, progress: Callable[[int, int], object]
) -> tuple[list[Word], tuple[str, ...]]:
    """Words in the clip's own times, phrases counted through, and the languages."""
    words: list[Word] = []
    languages: Counter[str] = Counter()
    for block in track.blocks():
        heard = listener.hear(block.samples)
        first = words[-1].phrase + 1 if words else 0
        words += [
            word._replace(
                start=max(0.0, word.start + block.start),  # sound may begin before the pictures
                end=word.end + block.start,
                phrase=word.phrase + first,
            )
            for word in heard.words
        ]
        languages.update([heard.language] * len(heard.words))
        done = round(block.end)
        progress(done, max(done, round(track.seconds)))
    return words, tuple(name for name, _ in languages.most_common())
