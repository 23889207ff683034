"""The progress bar of everything that reads or writes many faces."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def bar(task: str, show: bool = True) -> Iterator[Callable[[int, int], object]]:
    """A bar on standard error that vanishes when done; yields a function of (done, total).

    Nothing is written where standard error is no terminal.
    """
    console = Console(stderr=True)
    hidden = not (show and console.is_terminal)
    with Progress(console=console, transient=True, disable=hidden) as progress:
        task_id = progress.add_task(task, total=None)
        yield lambda done, total: progress.update(task_id, completed=done, total=total)
