import errno
import os
import subprocess
import sys

import pytest

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.labels import LabelSet


def exit_code(main, monkeypatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["prog", *arguments])
    with pytest.raises(SystemExit) as stopped:
        run(main, prog="python -m room.command")
    return stopped.value.code


def test_return_value_is_the_exit_code(monkeypatch):
    assert exit_code(lambda: None, monkeypatch) == 0
    assert exit_code(lambda: 1, monkeypatch) == 1


def test_input_error_is_one_line(monkeypatch, capsys):
    def main() -> None:
        raise InputError("file: row 3:\n expected this,\n found that")

    assert exit_code(main, monkeypatch) == 2
    assert capsys.readouterr().err == "error: file: row 3: expected this, found that\n"


def test_code_of_others_that_leaves_python_is_one_line(monkeypatch, capsys):
    def main() -> None:
        sys.exit(3)

    assert exit_code(main, monkeypatch) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: the code of a model or a library must not end Python; it calls")
    assert line.endswith("sys.exit(3). Let it raise an error instead; --debug shows where.\n")


@pytest.mark.parametrize(
    ("end", "code", "line"),
    [
        ("raise BrokenLibraryError('Ray has died.')", 2, "Ray has died."),
        ("signal.raise_signal(signal.SIGTERM)", 143, "stopped"),
        ("signal.raise_signal(signal.SIGINT)", 130, "stopped"),
    ],
)
def test_a_library_that_would_crash_at_the_end_does_not_get_there(
    end: str, code: int, line: str
) -> None:
    script = (
        "import atexit, os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's & ignores it
        "from datasets.base.commands import run\n"
        "from datasets.base.errors import BrokenLibraryError\n"
        "def main():\n"
        "    print('a result')\n"
        "    atexit.register(os.abort)\n"
        f"    {end}\n"
        "run(main, prog='python -m room.command')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (code, "a result\n")
    assert ended.stderr == f"error: {line}\n"


@pytest.mark.parametrize("lines", [1, 100_000])
def test_output_that_nobody_reads_any_longer_ends_quietly(lines: int) -> None:
    """As after `| head`: exit code 1 would say that a check has failed."""
    script = (
        "from datasets.base.commands import run\n"
        "def main():\n"
        f"    print({'a row' + chr(10)!r} * {lines})\n"
        "run(main, prog='python -m room.command')\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-c", script], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_a_closed_output_is_no_fault() -> None:
    script = (
        "from datasets.base.commands import run\n"
        "run(lambda: print('a row'), prog='python -m room.command')\n"
    )
    closed = ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, script]
    ended = subprocess.run(closed, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_place_that_cannot_be_written_is_one_line(monkeypatch, capsys, tmp_path):
    def main() -> None:
        (tmp_path / "file").write_text("")
        (tmp_path / "file" / "folder").mkdir()

    assert exit_code(main, monkeypatch) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path}") and "Not a directory" in error
    assert error.count("\n") == 1
    assert exit_code(main, monkeypatch, "--debug") == 2
    assert "NotADirectoryError" in capsys.readouterr().err


def test_a_full_disk_is_one_line(monkeypatch, capsys):
    def main() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # writing names no file

    assert exit_code(main, monkeypatch) == 2
    assert capsys.readouterr().err.startswith("error: No space left on device. Choose another path")


def test_a_full_disk_of_what_can_go_on(monkeypatch, capsys):
    def main(resume: bool = False) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results.csv")

    assert exit_code(main, monkeypatch) == 2
    assert capsys.readouterr().err == (
        "error: results.csv: No space left on device. Choose another path, or free this one; then "
        "continue with --resume.\n"
    )


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9 TiB"),
        ImportError("libone.so: failed to map segment from shared object"),
    ],
)
def test_too_little_memory_is_one_line(monkeypatch, capsys, error):
    def main() -> None:
        raise error

    assert exit_code(main, monkeypatch) == 2
    assert capsys.readouterr().err == (
        f"error: out of memory: {error}. Ask for less at once, or use a larger machine.\n"
    )


@pytest.mark.parametrize(
    "error",
    [
        ImportError("no module named nothing"),  # no lack of memory
        EOFError("no data left in file"),  # no interrupt
        ValueError("a fault of the program"),
    ],
)
def test_a_fault_of_the_program_is_neither_a_failed_check_nor_wrong_usage(
    monkeypatch, capsys, error
):
    def main() -> None:
        raise error

    assert exit_code(main, monkeypatch) == 3
    words = capsys.readouterr().err
    assert "Traceback" in words and f"{type(error).__name__}: {error}\n" in words
    assert words.endswith(
        "error: this is a fault of Deadpan, or of a library; please report the lines above.\n"
    )


def test_debug_shows_the_error(monkeypatch, capsys):
    def main() -> None:
        raise InputError("bad file")

    assert exit_code(main, monkeypatch, "--debug") == 2
    words = capsys.readouterr().err
    assert words.startswith("Traceback") and words.endswith("error: bad file\n")


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--count", "many"), ("stray",)])
def test_wrong_usage_is_one_line(monkeypatch, capsys, arguments):
    def main(count: int = 1) -> None:
        pass

    assert exit_code(main, monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert "`python -m room.command --help`" in error


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--data", ""), "--data must have a value; got ''. Is a variable not set?"),
        (("--data=",), "--data must have a value; got ''. Is a variable not set?"),
        (("",), "an argument must have a value; got ''. Is a variable not set?"),
        (("--data", "a", ""), "an argument must have a value; got ''. Is a variable not set?"),
        (
            ("caf\udce9.png",),  # a name in Latin-1
            "options and names of files must be UTF-8 text; got 'caf\\udce9.png'. Rename the file, "
            "or set PYTHONUTF8=1.",
        ),
    ],
)
def test_words_that_are_empty_or_no_text(monkeypatch, capsys, arguments, line):
    def main(paths: list[str], data: str = "sample") -> None:
        raise AssertionError

    assert exit_code(main, monkeypatch, *arguments) == 2
    assert capsys.readouterr().err == f"error: {line}\n"


def test_a_wrong_choice_names_the_right_ones(monkeypatch, capsys):
    def main(labels: LabelSet = LabelSet.FER) -> None:
        pass

    exit_code(main, monkeypatch, "--labels", "FER2")
    words = (
        "error: Invalid value for '--labels': 'FER2' is not one of 'fer', 'ferplus'; got 'FER2'."
    )
    assert capsys.readouterr().err.startswith(words)


@pytest.mark.parametrize(
    "arguments",
    [("--count", "many"), ("--count=many",), ("--count", "2", "--count", "many")],
)
def test_wrong_usage_names_the_value(monkeypatch, capsys, arguments):
    def main(count: int = 1) -> None:
        pass

    exit_code(main, monkeypatch, *arguments)
    assert "'--count'" in (error := capsys.readouterr().err)
    assert "; got 'many'. See" in error


def test_interrupt(monkeypatch, capsys):
    def main() -> None:
        raise KeyboardInterrupt

    assert exit_code(main, monkeypatch) == 130
    assert capsys.readouterr().err == "error: stopped\n"


def test_interrupt_of_what_can_go_on(monkeypatch, capsys):
    def main(resume: bool = False) -> None:
        raise KeyboardInterrupt

    assert exit_code(main, monkeypatch) == 130
    assert "the same command with --resume continues" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["inspect", "export"])
def test_help_loads_nothing_heavy(name):
    code = (
        "import runpy, sys; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('datasets.{name}', run_name='__main__')\n"
        "except SystemExit as stop: print('exit', stop.code)\n"
        "print('heavy', [m for m in ('numpy', 'pandas', 'PIL', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "exit 0" in done.stdout
    assert "heavy []" in done.stdout


COMMAND = """
from rich.console import Console
from rich.table import Table
from datasets.base.commands import run
from datasets.base.errors import InputError

def main(wrong: bool = False) -> None:
    table = Table("\u00e9ta", title="robust \u2013 5 \u00d7 8/255 \u2192 \u2265 1 \u2026")
    table.add_row("\u56fe")
    Console().print(table)
    print("\u250f\u2501\u2533\u2501\u2513\u2502")
    print("Cohen\u2019s \u03ba \u00b1 1")
    if wrong:
        raise InputError("\u2264 1")

run(main, "python -m some.command")
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_utf8_gets_similar_text(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", COMMAND, "--wrong"]
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode == 2, done.stderr
    out = " ".join(done.stdout.decode(encoding).split())
    if encoding == "ascii":
        assert "robust - 5 x 8/255 -> >= 1 ..." in out
        assert "+-+-+| Cohen's ? +/- 1" in out and "+---" in out
    assert done.stderr.decode(encoding).rstrip() == "error: <= 1"


def test_a_terminal_with_utf8_is_left_as_it_is() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", COMMAND], env=environment, capture_output=True)
    assert done.returncode == 0
    assert "Cohen\u2019s \u03ba \u00b1 1" in done.stdout.decode()
