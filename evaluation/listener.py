"""The progress of a run: who receives it, and how errors are worded in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress

from datasets.base.errors import InputError
from datasets.base.machine_errors import is_of_machine
from datasets.base.signals import raise_if_stopped
from evaluation.stage_clock import StageClock
from fer_models.classifier import ModelError


@dataclass(frozen=True)
class Listener:
    """Functions that are called as a run proceeds.

    Attributes:
        line: called with one line of text after each step.
        chunk: called with (name of the set, chunks done, all chunks) after each chunk.
        stages: counts the time of each stage.
    """

    line: Callable[[str], None]
    chunk: Callable[[str, int, int], None]
    stages: StageClock = field(default_factory=StageClock)


def one_line(error: Exception) -> str:
    """Return the message of an error in one line, with its type where it is not one of ours."""
    words = " ".join(str(error).split())
    return words if isinstance(error, InputError) else f"{type(error).__name__}: {words}"


def is_result(error: Exception) -> bool:
    """Whether a model or an attack failed, which a run records (R24).

    A user's mistake ends the run, and so does a machine without room on its disk or in memory.

    Raises:
        KeyboardInterrupt: the user stopped the command, which may be why it failed.
    """
    raise_if_stopped()
    if is_of_machine(error):
        return False
    return isinstance(error, ModelError) or not isinstance(error, InputError)


@contextmanager
def progress(stages: StageClock) -> Iterator[Listener]:
    """Show a bar over the chunks of the current set, and lines above it, on standard error."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("start")

        def chunk(name: str, done: int, count: int) -> None:
            raise_if_stopped()
            bar.update(task, description=name, completed=done, total=count)

        yield Listener(lambda text: console.print(text, markup=False), chunk, stages)
