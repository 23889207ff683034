"""The progress bar of everything that reads or writes many faces."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def bar(task: str, show: bool = True) -> Iterator[Callable[[int, int], object]]:
    """A bar on standard error that vanishes when done; yields a function of (done, total)."""
    with Progress(console=Console(stderr=True), transient=True, disable=not show) as progress:
        task_id = progress.add_task(task, total=None)
        yield lambda done, total: progress.update(task_id, completed=done, total=total)
