"""The summary of a GitHub Actions step, which has a limit of 1 MiB."""

from pathlib import Path

import pytest

from evaluation.gates.case import Case, Outcome
from evaluation.gates.step_summary import LIMIT, MOST_CASES, append_summary, gate_markdown


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_it_is_appended(page: Path) -> None:
    page.write_text("before\n")
    append_summary("# One\n", Path("run/report.md"))
    append_summary("# Two", Path("run/report.md"))
    assert page.read_text() == "before\n# One\n\n# Two\n\n"


def test_nothing_is_written_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    append_summary("# One", tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "such" / "folder"))
    append_summary("# One", tmp_path)
    assert list(tmp_path.iterdir()) == []
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1 and "no summary written" in warning


def test_what_is_too_long_is_cut_at_a_line(page: Path) -> None:
    page.write_bytes(b"x" * 1000)
    append_summary("\n".join(["| äöü |"] * 200_000), Path("run/report.md"))
    whole = page.read_bytes()
    assert LIMIT - 100 < len(whole) <= LIMIT
    *lines, _, last = whole.decode()[1000:].splitlines()
    assert set(filter(None, lines)) == {"| äöü |"}
    assert last == "Cut at 1 MiB: the rest is in `run/report.md`."
    append_summary("full\n" * 10, Path("run/report.md"))
    assert len(page.read_bytes()) <= LIMIT


def test_a_gate_lists_what_does_not_hold() -> None:
    held = Case("good", "fer", "accuracy=0.6", Outcome.HELD, "fine")
    bad = Case("bad", "fer", "accuracy=0.6", Outcome.MISSED, "0.5 | <b>is below</b>\n0.6")
    assert gate_markdown([held]) == "**Requirements: 1 held**"
    text = gate_markdown([held, bad])
    assert text.startswith("**Requirements: 1 held, 1 missed**\n\n|")
    assert text.endswith(
        "| missed | bad under fer labels | 0.5 \\| &lt;b&gt;is below&lt;/b&gt; 0.6 |"
    )
    many = gate_markdown([bad] * (MOST_CASES + 3))
    assert many.endswith("\n\n3 more are not shown.") and many.count("| missed |") == MOST_CASES
