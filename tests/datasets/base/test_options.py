"""Options written once: the command line and the function agree with the dataclass."""

import inspect
import sys
from collections.abc import Sequence
from dataclasses import KW_ONLY, FrozenInstanceError, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
from typer import Argument, Option

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.options import as_command, as_function, parse_choice


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Request:
    models: Annotated[str | Path | Sequence[str], Option(help="Ids.")] = "starter"
    _: KW_ONLY
    eps: Annotated[str | float | None, Option(help="Grid.")] = None
    seed: Annotated[int, Option(min=0, help="Random seed.")] = 0
    colour: Annotated[Colour, Option(help="Paint.")] = Colour.RED
    again: Annotated[bool, Option("--again", help="Repeat.")] = False


def work(request: Request) -> Request:
    """Do it.

    Args:
        {options}
    """
    return request


def parsed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Request:
    seen: list[Request] = []
    monkeypatch.setattr(sys, "argv", ["prog", *arguments])
    with pytest.raises(SystemExit) as stopped:
        run(as_command(Request, seen.append), prog="python -m room.command")
    assert stopped.value.code == 0
    return seen[0]


def test_the_command_line_fills_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed(monkeypatch) == Request()
    found = parsed(
        monkeypatch, "--models", "a,b", "--eps", "0.1", "--seed", "3", "--colour", "blue", "--again"
    )
    assert found == Request("a,b", eps="0.1", seed=3, colour=Colour.BLUE, again=True)
    with pytest.raises(FrozenInstanceError):
        found.seed = 4  # type: ignore[misc]


def test_help_lists_every_option_with_its_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["prog", "--help"])
    with pytest.raises(SystemExit):
        run(as_command(Request, work), prog="python -m room.command")
    text = capsys.readouterr().out
    for words in ("Do it.", "--models", "Ids.", "[default: starter]", "--seed", "Random seed."):
        assert words in text


def test_bad_values_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["prog", "--seed", "-1"])
    with pytest.raises(SystemExit) as stopped:
        run(as_command(Request, work), prog="python -m room.command")
    assert stopped.value.code == 2
    assert "--seed" in capsys.readouterr().err


def test_arguments_without_a_dash_work_too(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Training:
        data: Annotated[Path, Option(help="Faces.")]
        name: Annotated[str, Argument(help="Architecture.")] = ""

    seen: list[Training] = []
    monkeypatch.setattr(sys, "argv", ["prog", "vgg", "--data", "faces"])
    with pytest.raises(SystemExit):
        run(as_command(Training, seen.append), prog="python -m room.command")
    assert seen == [Training(Path("faces"), "vgg")]


def test_the_function_takes_the_fields_and_explains_them() -> None:
    function = as_function(Request)(work)
    assert function(["a"], eps=0.1) == Request(["a"], eps=0.1)
    assert list(inspect.signature(function).parameters) == [
        "models",
        "eps",
        "seed",
        "colour",
        "again",
    ]
    assert inspect.signature(function).parameters["seed"].annotation is int
    assert inspect.getdoc(function) == (
        "Do it.\n\nArgs:\n    models: Ids.\n    eps: Grid.\n    seed: Random seed.\n"
        "    colour: Paint.\n    again: Repeat."
    )
    with pytest.raises(TypeError, match="unexpected keyword argument 'sead'"):
        function(sead=1)  # type: ignore[call-arg]


def test_a_closed_choice_names_the_words_and_what_was_received() -> None:
    assert parse_choice(Colour, "blue", "--colour") is Colour.BLUE
    with pytest.raises(InputError, match="--colour must be red, blue; got 'green'"):
        parse_choice(Colour, "green", "--colour")
