"""docs/ci.md: its commands parse."""

import re

import pytest

from tests.docs.guide import ROOT, parse_command

PAGE = (ROOT / "docs" / "ci.md").read_text().replace("\\\n", "")
COMMANDS = re.findall(r"^(python -m .*)$", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_command_parses(line: str) -> None:
    parse_command(line)


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 3
