"""Recognise spoken words with Whisper, on the CPU and without the network.

Needs the extra `speech`. Silence and music would make Whisper invent words, so only what a voice
detector takes for speech is given to it, and words that it doubts are dropped.

Source: Radford et al. 2022, arXiv 2212.04356, section 4.5 (thresholds); Silero VAD, as
faster-whisper carries it.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256

CACHED_MODEL = "base"
"""Model of the local cache, as `faster_whisper.download_model` names it."""
FILES = ("config.json", "model.bin", "tokenizer.json")
OTHER_FILES = ("preprocessor_config.json", "vocabulary.json", "vocabulary.txt")
"""What a model may have beside `FILES`."""
MOST_NO_SPEECH = 0.6
LEAST_LOG_PROBABILITY = -1.0
MOST_COMPRESSION = 8.0
"""Whisper's loops where nobody speaks compress to less than a tenth; its own threshold, 2.4, would
drop a sentence that is really said twice."""
_PAUSE_MS = 500
"""Silence that ends a stretch of speech, in milliseconds."""
_HOW = (
    'Download one once with `python -c "from faster_whisper import download_model; '
    "download_model('base', 'whisper')\"`, then add --speech-model whisper; docs/video.md has "
    "another way."
)


class Word(NamedTuple):
    """A recognised word: its times in seconds, its text, its probability, and its phrase's number.

    A phrase is what Whisper returns as one segment: about a sentence.
    """

    start: float
    end: float
    text: str
    probability: float
    phrase: int


class Heard(NamedTuple):
    """Words of some sound, and the language that was recognised; empty if nobody speaks."""

    language: str
    words: tuple[Word, ...]


class Listener:
    """A Whisper model; loaded once.

    Attributes:
        name: what the model is called on the page.
        sha256: identity of the model, of all of its files.
        language: language that is spoken; empty: it is detected.
    """

    def __init__(self, folder: Path | None, language: str = "") -> None:
        """Load the model; nothing is ever downloaded.

        Args:
            folder: a Whisper model in the form of CTranslate2; None takes that of the local cache.
            language: code of the language that is spoken, such as en; empty: detect it.

        Raises:
            InputError: faster-whisper is not installed, there is no model, or no such language.
        """
        try:
            from faster_whisper import WhisperModel, download_model
        except ModuleNotFoundError as error:
            raise InputError(
                f"--speech needs {error.name}, which is not installed: pip install -e '.[speech]'."
            ) from error
        if folder is not None:
            _check(folder)
        try:
            place = folder or Path(download_model(CACHED_MODEL, local_files_only=True))
            self._model = WhisperModel(
                str(place),
                device="cpu",
                compute_type="int8",
                cpu_threads=min(4, os.cpu_count() or 1),
                local_files_only=True,
            )
        except Exception as error:  # of the hub's client, of CTranslate2, or of the tokenizer
            if folder is None:
                raise InputError(
                    f"--speech needs a Whisper model, and the local cache has none. {_HOW}"
                ) from error
            words, *_ = str(error).splitlines() or [type(error).__name__]
            raise InputError(
                f"{folder}: expected a Whisper model in the form of CTranslate2; {words[:200]}. "
                "Download it again."
            ) from error
        known = self._model.supported_languages
        if language and language not in known:
            raise InputError(
                f"--language must be a code that the model knows, such as {', '.join(known[:3])}; "
                f"got {language!r}."
            )
        self.name = CACHED_MODEL if folder is None else folder.resolve().name
        self.sha256 = model_sha256(place)
        self.language = language

    def hear(self, samples: np.ndarray) -> Heard:
        """Recognise the words in a piece of sound.

        Args:
            samples: float32 (N,) in [-1, 1], 16,000 per second.

        Returns:
            Words in order; times count from the first sample, phrases from 0.
        """
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        options = VadOptions(min_silence_duration_ms=_PAUSE_MS)
        if not get_speech_timestamps(samples, options):
            return Heard("", ())
        segments, known = self._model.transcribe(
            samples,
            language=self.language or None,
            vad_filter=True,
            vad_parameters=options,
            word_timestamps=True,
            condition_on_previous_text=False,  # a mistake would be repeated
            temperature=0.0,  # above 0 Whisper draws at random
            no_speech_threshold=MOST_NO_SPEECH,
            log_prob_threshold=LEAST_LOG_PROBABILITY,
        )
        phrases = [segment for segment in segments if _is_sure(segment)]
        words = [
            Word(float(word.start), float(word.end), text, float(word.probability), number)
            for number, phrase in enumerate(phrases)
            for word in phrase.words
            if (text := word.word.strip())
        ]
        return Heard(known.language if words else "", tuple(words))


def model_sha256(folder: Path) -> str:
    """Identity of a Whisper model: hex sha256 over the names and contents of its files."""
    files = [folder / name for name in (*FILES, *OTHER_FILES) if (folder / name).is_file()]
    lines = [f"{file.name} {file_sha256(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _is_sure(segment: Any) -> bool:
    return (
        segment.no_speech_prob <= MOST_NO_SPEECH
        and segment.avg_logprob >= LEAST_LOG_PROBABILITY
        and segment.compression_ratio <= MOST_COMPRESSION
    )


def _check(folder: Path) -> None:
    """Refuse a folder without a model; a missing tokenizer would be asked of the network."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        found = "no such folder" if not folder.is_dir() else f"{', '.join(missing)} missing"
        raise InputError(
            f"--speech-model must be the folder of a Whisper model in the form of CTranslate2; "
            f"{folder}: {found}. {_HOW}"
        )
