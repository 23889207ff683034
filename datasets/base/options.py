"""Options written once, as the fields of a frozen dataclass: names, types, defaults and help.

    @dataclass(frozen=True)
    class Request:
        seed: Annotated[int, Option(min=0, help="Random seed.")] = 0

`as_command` makes the function that `datasets/base/commands.py` runs, `as_function` the same work
as a function with keyword arguments. Fields are annotated as typer annotates parameters, with one
liberty: where Python may pass one of several types (`str | Path`), the command line passes text.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from inspect import Parameter, Signature, cleandoc, signature
from types import NoneType, UnionType
from typing import Annotated, Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from typer.models import ParameterInfo

from datasets.base.errors import InputError

Arguments = ParamSpec("Arguments")
Request = TypeVar("Request")
Result = TypeVar("Result")
Choice = TypeVar("Choice", bound=StrEnum)


def as_command(request: type[Request], work: Callable[[Request], Result]) -> Callable[..., Result]:
    """Make a function for typer whose parameters are the fields of a request.

    Args:
        request: a dataclass; each field is annotated as a typer parameter.
        work: what the command does with a request. Its docstring becomes the help.
    """

    def main(**options: Any) -> Result:
        return work(request(**options))

    hints = get_type_hints(request, include_extras=True)
    parameters = [
        parameter.replace(annotation=_on_command_line(hints[name]), kind=Parameter.KEYWORD_ONLY)
        for name, parameter in signature(request).parameters.items()
    ]
    main.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    main.__doc__ = work.__doc__
    return main


def as_function(
    request: Callable[Arguments, Request],
) -> Callable[[Callable[[Request], Result]], Callable[Arguments, Result]]:
    """Decorate a function of a request, so that it takes the fields of the request as arguments.

    Editors see the signature of the dataclass; `help()` shows it, with the help of every option
    in place of the line `{options}` of the docstring.
    """

    def decorate(work: Callable[[Request], Result]) -> Callable[Arguments, Result]:
        @wraps(work)
        def function(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            return work(request(*args, **kwargs))

        hints = get_type_hints(request)
        parameters = [
            parameter.replace(annotation=hints[name])
            for name, parameter in signature(request).parameters.items()
        ]
        function.__signature__ = signature(work).replace(  # type: ignore[attr-defined]
            parameters=parameters
        )
        function.__doc__ = cleandoc(work.__doc__ or "").format(options=_described(request))
        return function

    return decorate


def parse_choice(choices: type[Choice], word: str, option: str) -> Choice:
    """Read one of a closed set of words from the command line.

    Raises:
        InputError: not one of them.
    """
    try:
        return choices(word)
    except ValueError:
        raise InputError(f"{option} must be {', '.join(choices)}; got {word!r}.") from None


def _on_command_line(hint: Any) -> Any:
    """The annotation for typer: text where Python may pass one of several types."""
    if get_origin(hint) is not Annotated:
        return hint
    kind, *notes = get_args(hint)
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if len([member for member in members if member is not NoneType]) < 2:
        return hint
    text = str | None if NoneType in members else str
    return Annotated[text, *notes]


def _described(request: Callable[..., object]) -> str:
    """Name and help of every option, one per line."""
    lines = []
    for name, hint in get_type_hints(request, include_extras=True).items():
        helps = [note.help for note in get_args(hint) if isinstance(note, ParameterInfo)]
        lines += [f"    {name}: {text}" for text in helps if text]
    return "\n".join(lines).lstrip()
