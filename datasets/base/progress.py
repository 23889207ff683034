"""Progress bar for reading or writing many faces."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress


@contextmanager
def bar(task: str, show: bool = True) -> Iterator[Callable[[int, int], object]]:
    """Show a bar on standard error that disappears when done; yields a function of (done, total).

    Nothing is written if standard error is not a terminal.
    """
    console = Console(stderr=True)
    hidden = not (show and console.is_terminal)
    with Progress(console=console, transient=True, disable=hidden) as progress:
        task_id = progress.add_task(escape(task), total=None)  # [/x] in a file's name is no markup
        yield lambda done, total: progress.update(task_id, completed=done, total=total)
