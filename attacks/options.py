"""Settings of attacks as users write them: `steps=40`, `loss=dlr`, `target=none`."""

from collections.abc import Iterable
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from attacks.registry import ATTACKS, check_attack, check_options, default_options
from datasets.base.errors import InputError

_KINDS = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
}


def read_options(attack: str, words: Iterable[str]) -> dict[str, Any]:
    """Read settings of an attack, each written `name=value`.

    Raises:
        InputError: unknown attack or setting, one given twice, or a value of the wrong type.
    """
    check_attack(attack)
    hints = get_type_hints(ATTACKS[attack])
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals:
            raise InputError(f"an option is written NAME=VALUE, such as steps=40; got {word!r}.")
        check_options(attack, [name])
        if name in found:
            raise InputError(f"`{name}` is given twice for {attack}; give it once.")
        found[name] = _value(name, None if text == "none" else text, hints[name])
    return found


def option_table() -> list[str]:
    """One line of text per attack: name, norms, settings with their defaults."""
    lines = []
    for name, attack in ATTACKS.items():
        settings = [f"{option}={value}" for option, value in default_options(attack).items()]
        lines.append(f"{name:<14} {','.join(attack.norms):<11} {' '.join(settings)}".rstrip())
    return lines


def _value(name: str, text: str | None, kind: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        first = error.errors()[0]
        expected = first.get("ctx", {}).get("expected") or _KINDS.get(first["type"], "a value")
        raise InputError(f"`{name}` must be {expected}; got {text or 'none'}.") from None
