"""Who hears how a run goes on, and how an error is told there."""

from collections.abc import Callable
from dataclasses import dataclass

from datasets.base.errors import InputError
from fer_models.classifier import ModelError


@dataclass(frozen=True)
class Listener:
    """Told of every step of a run.

    Attributes:
        line: told one line for each finished step.
        chunk: told (name of the set, chunks done, all chunks) after each chunk.
    """

    line: Callable[[str], None]
    chunk: Callable[[str, int, int], None]


def one_line(error: Exception) -> str:
    """Kind and message of an error."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def is_result(error: Exception) -> bool:
    """Whether a model or an attack died (R24), which a run notes; a wrong request ends it."""
    return isinstance(error, ModelError) or not isinstance(error, InputError)
