"""`docs/ci.md`: its table has every exit code of a command."""

import re
from signal import SIGTERM

from datasets.base import commands
from tests.docs.guide import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text()


def test_every_exit_code_is_explained() -> None:
    table = PAGE.partition("## Exit codes\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([\d, ]+) \|", table, flags=re.MULTILINE)
    told = [int(code) for cell in cells for code in cell.split(",")]
    own = {commands._FAULT, commands._INTERRUPTED, 128 + SIGTERM, commands._UNREAD}
    assert sorted(told) == sorted({0, 1, 2} | own)
