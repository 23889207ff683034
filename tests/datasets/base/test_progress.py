"""The progress bar on a terminal."""

import os
import pty
import subprocess
import sys


def test_name_with_brackets_is_shown_as_it_is():
    """A file may be called `a[/b].mp4`, which is a closing tag of rich's markup."""
    code = (
        "from datasets.base.progress import bar\n"
        "with bar('a[/b].mp4') as progress: progress(1, 2)\n"
    )
    ours, theirs = pty.openpty()
    answer = subprocess.run(
        [sys.executable, "-c", code],
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert answer.returncode == 0 and "a[/b].mp4" in shown
