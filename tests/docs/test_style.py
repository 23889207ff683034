"""The banned turns of `docs/style.md`, looked for in every text file of the project."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENDINGS = (".py", ".md", ".html", ".js", ".toml")
FOLDERS = (
    "attacks",
    "benchmarks",
    "datasets",
    "docs",
    "evaluation",
    "faces",
    "fer_models",
    "live",
    "reports",
    "tests",
)
NAMES_THEM = ("docs/style.md", "tests/docs/test_style.py")
"""Files that may hold the turns because they name them."""


def read_turns(page: str) -> list[str]:
    """The turns in quotes in the first column of the table under "Banned turns"."""
    rows = re.findall(r"^\| (\".*?) \|", page.partition("### Banned turns")[2], flags=re.MULTILINE)
    return [turn for row in rows for turn in re.findall(r'"(.*?)"', row)]


TURNS = read_turns((ROOT / "docs" / "style.md").read_text())


@cache
def project_texts() -> dict[str, str]:
    """Path, from the project's root, and text of every file that people read."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*")]
    files += ROOT.glob("*")
    return {
        file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(files)
        if file.is_file() and file.suffix in ENDINGS
    }


def banned_turns(text: str, turns: list[str]) -> list[str]:
    """Number of the line and the turn, for each one found; comments go on over several lines."""
    plain = re.sub(r"\n[ \t]*(#:?|>)[ \t]", "\n", text)
    found = []
    for turn in turns:
        words = r"\s+".join(map(re.escape, turn.split()))
        for match in re.finditer(rf"(?<!\w){words}(?!\w)", plain, flags=re.IGNORECASE):
            found.append(f"line {plain[: match.start()].count(chr(10)) + 1}: {turn}")
    return found


def test_the_whole_project_is_read() -> None:
    texts = project_texts()
    assert {"README.md", "evaluation/run.py", "reports/templates/report.html"} <= set(texts)
    assert set(NAMES_THEM) <= set(texts)
    assert "says what to mend" in TURNS


@pytest.mark.parametrize("path", [path for path in project_texts() if path not in NAMES_THEM])
def test_no_banned_turn(path: str) -> None:
    assert banned_turns(project_texts()[path], TURNS) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("It depends.\nDraws hang on the row.", 2),
        ("a name that hang\n    on the row", 1),
        ("# draws hang on\n# the row", 1),
        ("Hang on the row", 1),
    ],
)
def test_a_banned_turn_is_found(text: str, line: int) -> None:
    assert banned_turns(text, ["hang on the"]) == [f"line {line}: hang on the"]


def test_part_of_a_word_is_no_turn() -> None:
    assert banned_turns("Change on them", ["hang on the", "change on the"]) == []
