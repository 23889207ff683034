"""Sentences under the titles of folded sections."""

import re
from pathlib import Path

import pytest

from reports.page import write_report
from tests.reports.fake_run import write_run
from tests.reports.wishes import FOUR, Wishes


def folded(wishes: Wishes, folder: Path) -> dict[str, tuple[str, str]]:
    """Finding and content of each section that folds, by its id."""
    text = write_report(write_run(folder, wishes)).read_text()
    pattern = (
        r'<section id="([\w-]+)">\s*<details class="fold">\s*<summary><h2>[^<]+</h2> '
        r'<span class="finding">([^<]*)</span></summary>(.*?)</section>'
    )
    return {name: (found, rest) for name, found, rest in re.findall(pattern, text, re.DOTALL)}


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    wishes = Wishes(models=(FOUR[0], FOUR[2]), examples=6, corruptions=("jpeg", "contrast"))
    return folded(wishes, tmp_path_factory.mktemp("run"))


def test_every_section_after_the_leaderboard_states_its_finding(
    sections: dict[str, tuple[str, str]],
) -> None:
    assert len(sections) == 15 and "leaderboard" not in sections
    for name, (finding, _) in sections.items():
        assert re.fullmatch(r"\S.*[^.]\.", finding), name


def test_a_finding_is_said_in_the_section_too(sections: dict[str, tuple[str, str]]) -> None:
    drawn = {name for name, (_, rest) in sections.items() if "<figure" in rest} - {"gallery"}
    assert len(drawn) >= 8
    for name in (*drawn, "threat", "reliability"):
        finding, rest = sections[name]
        assert finding[:-1].removeprefix("6 of 7") in rest, name


def test_costs_are_those_of_all_sweeps(sections: dict[str, tuple[str, str]]) -> None:
    finding, rest = sections["costs"]
    assert finding.startswith("Attacks and corruptions took ")
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", rest[: rest.index("</table>")])
    forward = sum(int(cell.replace("\u202f", "")) for cell in cells[2::5])
    assert f" {forward:,} forward and ".replace(",", "\u202f") in finding


def test_the_gallery_says_how_small_the_changes_are(sections: dict[str, tuple[str, str]]) -> None:
    finding, _ = sections["gallery"]
    assert re.match(r"Faces that break at up to 4/255 do so at a median of [\d.]+/255", finding)
    assert finding.endswith(" 6 faces, clean and attacked.")
