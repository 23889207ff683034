"""Run a command-line function: one-line errors; exit code 0 done, 1 a check failed, 2 wrong usage.

Every command file ends in `run(main, prog)`. Heavy imports belong inside the function, so that they
run after the arguments are parsed.
"""

import sys
from collections.abc import Callable
from inspect import signature
from typing import NoReturn

import typer
from typer.main import get_command

from datasets.base.errors import InputError

DATA_DEFAULT = "Default: $DEADPAN_DATA, ./data, the sample."
"""Where `datasets.default_data` looks for faces, for the help of `--data`."""

_INTERRUPTED = 130
"""Exit code of typer after Ctrl-C."""


def run(main: Callable[..., object], prog: str) -> NoReturn:
    """Parse `sys.argv`, call `main`, and exit with its return value or 0.

    `--debug` anywhere on the command line shows the tracebacks of input errors.

    Args:
        main: function with typer annotations that may return an exit code.
        prog: the command as a user types it, such as `python -m evaluation.run`.
    """
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        code = get_command(app).main(arguments, prog_name=prog, standalone_mode=False) or 0
        if code == _INTERRUPTED:
            again = "; the same command with --resume continues where possible"
            _fail(f"stopped{again if 'resume' in signature(main).parameters else ''}", code)
        sys.exit(code)
    except typer.Abort as error:
        if isinstance(error.__cause__, EOFError):  # a truncated file, not a user who stopped
            raise error.__cause__ from None
        _fail("stopped", _INTERRUPTED)
    except typer.TyperException as error:
        message = error.format_message().rstrip(".").replace("Value error, ", "")  # pydantic's
        words = f"{message}{_received(error, arguments)}."
        _fail(f"{words} See `{prog} --help`.".replace("\n", " "), 2)
    except InputError as error:
        if debug:
            raise
        _fail(" ".join(str(error).split()), 2)
    except OSError as error:  # a read-only folder, a full disk
        if debug or error.strerror is None:
            raise
        place = f"{error.filename}: " if error.filename else ""  # a full disk has no file name
        _fail(f"{place}{error.strerror}. Choose another path, or free this one.", 2)


def _received(error: typer.TyperException, arguments: list[str]) -> str:
    """Return the value given for an option, which typer leaves out of its message."""
    names = getattr(getattr(error, "param", None), "opts", [])
    for place, word in reversed(list(enumerate(arguments))):  # the last occurrence counts
        name, equals, value = word.partition("=")
        if name in names and (equals or place + 1 < len(arguments)):
            return f"; got {(value if equals else arguments[place + 1])!r}"
    return ""


def _fail(message: str, code: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
