"""Run a command-line function: one-line errors; exit code 0 done, 1 a check failed, 2 wrong usage.

3 after a traceback, which is a fault of the program; 130 after Ctrl-C, 143 after SIGTERM, 141 where
nobody reads the output any longer. Every command file ends in `run(main, prog)`. Heavy imports
belong inside the function, so that they run after the arguments are parsed.
"""

import codecs
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from inspect import signature
from io import TextIOWrapper
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, NoReturn, TextIO

import typer
from typer.main import get_command

from datasets.base.errors import BrokenLibraryError, InputError
from datasets.base.signals import stoppable

DATA_DEFAULT = "Default: $DEADPAN_DATA, ./data, the sample."
"""Where `datasets.default_data` looks for faces, for the help of `--data`."""

_IN_ASCII = "deadpan_ascii"
_SIMILAR = {
    **dict.fromkeys(map(chr, range(0x2500, 0x2580)), "+"),  # corners and crossings of tables
    **dict.fromkeys("\u2010\u2011\u2013\u2014\u2212\u2500\u2501", "-"),
    **dict.fromkeys("\u2502\u2503", "|"),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("\u201c\u201d", '"'),
    **{"\u2192": "->", "\u00d7": "x", "\u00b1": "+/-", "\u2264": "<=", "\u2265": ">="},
    **{"\u00b7": "-", "\u2022": "*", "\u2713": "ok"},
}
"""ASCII for dashes, lines, quotation marks and signs, which do not decompose into any."""

_NO_ROOM = "failed to map segment from shared object"
"""What the system says where a library does not fit into memory."""
_INTERRUPTED = 130
"""Exit code of typer after Ctrl-C."""
_FAULT = 3
"""Exit code after an error that this program should not raise."""
_UNREAD = 141
"""Exit code after `| head` has read enough: that of other programs, which SIGPIPE ends."""


def run(
    main: Callable[..., object],
    prog: str,
    optional_numbers: Mapping[str, str] = MappingProxyType({}),
) -> NoReturn:
    """Parse `sys.argv`, call `main`, and exit with its return value or 0.

    `--debug` anywhere on the command line shows the tracebacks of input errors, too.

    Args:
        main: function with typer annotations that may return an exit code.
        prog: the command as a user types it, such as `python -m evaluation.run`.
        optional_numbers: options whose number may be left out, and what they mean then.
    """
    arguments = with_numbers(sys.argv[1:], optional_numbers)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    make_printable(sys.stdout, sys.stderr)
    try:
        _run(main, prog, arguments, debug)
    except Exception:  # 1 would say that a check has failed
        traceback.print_exc()
        _fail("this is a fault of Deadpan, or of a library; please report the lines above.", _FAULT)


def _run(main: Callable[..., object], prog: str, arguments: list[str], debug: bool) -> NoReturn:
    """The same for these arguments; raises what is no error of the user's."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(_refusing_exits(main))
    try:
        _check_words(arguments)
        with stoppable() as received:
            code = get_command(app).main(arguments, prog_name=prog, standalone_mode=False) or 0
        if code == _INTERRUPTED:
            again = "; the same command with --resume continues where possible"
            code = 128 + received[0] if received else code
            words = f"stopped{again if 'resume' in signature(main).parameters else ''}"
            _fail(words, code, at_once=bool(received))
        sys.exit(code)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # typer's 1: no check has failed
            sys.exit(_UNREAD)
        raise
    except typer.Abort as error:
        if isinstance(error.__cause__, EOFError):  # a truncated file, not a user who stopped
            raise error.__cause__ from None
        _fail("stopped", _INTERRUPTED)
    except typer.TyperException as error:
        message = error.format_message().rstrip(".").replace("Value error, ", "")  # pydantic's
        words = f"{message}{_received(error, arguments)}."
        _fail(f"{words} See `{prog} --help`.".replace("\n", " "), 2)
    except InputError as error:
        _show(error, debug)
        _fail(" ".join(str(error).split()), 2, at_once=isinstance(error, BrokenLibraryError))
    except OSError as error:  # a read-only folder, a full disk
        if error.strerror is None:
            raise
        _show(error, debug)
        place = f"{error.filename}: " if error.filename else ""  # a full disk has no file name
        words = f"{place}{error.strerror}. Choose another path, or free this one"
        _fail(f"{words}{_then_resume(main)}.", 2)
    except (MemoryError, ImportError) as error:
        if isinstance(error, ImportError) and _NO_ROOM not in str(error):
            raise
        _show(error, debug)
        words = " ".join(str(error).split()) or "an allocation failed"
        words = f"out of memory: {words}. Ask for less at once, or use a larger machine"
        _fail(f"{words}{_then_resume(main)}.", 2)


def _refusing_exits(main: Callable[..., object]) -> Callable[..., object]:
    """The same command, which itself never leaves Python; what else does so is an input error."""

    @wraps(main)
    def called(*arguments: Any, **options: Any) -> object:
        try:
            code = main(*arguments, **options)
        except SystemExit as error:
            raise InputError(
                "the code of a model or a library must not end Python; it calls "
                f"sys.exit({error.code!r}). Let it raise an error instead; --debug shows where."
            ) from error
        if sys.stdout:  # none after `>&-`
            sys.stdout.flush()  # here, and not when Python ends, it is noticed that nobody reads
        return code

    return called


def _check_words(arguments: list[str]) -> None:
    """Refuse words that are empty, as of a variable that is not set, or no text."""
    for before, word in zip(["", *arguments], arguments, strict=False):
        name, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if not value and (equals or not word):
            what = name or (before if before.startswith("-") else "an argument")
            raise InputError(f"{what} must have a value; got ''. Is a variable not set?")
        try:
            word.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"options and names of files must be UTF-8 text; got {word!a}. Rename the file, or "
                "set PYTHONUTF8=1."
            ) from None


def with_numbers(arguments: list[str], defaults: Mapping[str, str]) -> list[str]:
    """Give options that come without their number the default, which typer cannot."""
    found = []
    for word, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        found.append(f"{word}={defaults[word]}" if _lacks(word, following, defaults) else word)
    return found


def _lacks(word: str, following: str, defaults: Mapping[str, str]) -> bool:
    if word not in defaults:
        return False
    try:
        float(following)
    except ValueError:
        return True
    return False


def make_printable(*streams: TextIO) -> None:
    """Let streams of an encoding without some characters print similar ASCII instead of failing."""
    codecs.register_error(_IN_ASCII, _in_ascii)
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_IN_ASCII)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding lacks: an error handler of `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    parts = []
    for character in error.object[error.start : error.end]:
        plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        parts.append(_SIMILAR.get(character) or plain or "?")
    return "".join(parts), error.end


def _then_resume(main: Callable[..., object]) -> str:
    return "; then continue with --resume" if "resume" in signature(main).parameters else ""


def _received(error: typer.TyperException, arguments: list[str]) -> str:
    """Return the value given for an option, which typer leaves out of its message."""
    names = getattr(getattr(error, "param", None), "opts", [])
    for place, word in reversed(list(enumerate(arguments))):  # the last occurrence counts
        name, equals, value = word.partition("=")
        if name in names and (equals or place + 1 < len(arguments)):
            return f"; got {(value if equals else arguments[place + 1])!r}"
    return ""


def _show(error: Exception, debug: bool) -> None:
    """Print the traceback of an input error, where `--debug` asks for it."""
    if debug:
        traceback.print_exception(error)


def _fail(message: str, code: int, at_once: bool = False) -> NoReturn:
    """End with a line; at once where Python's own end would be late or might crash."""
    print(f"error: {message}", file=sys.stderr)
    if at_once:
        with suppress(OSError):  # nobody reads any longer
            sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
