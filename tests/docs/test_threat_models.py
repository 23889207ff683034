"""docs/threat-models.md: its table of tiers says what their files say."""

import re
import tomllib

import pytest

from attacks.registry import CORRUPTIONS
from tests.docs.guide import ROOT

PAGE = (ROOT / "docs" / "threat-models.md").read_text()
TIERS = {
    path.stem: tomllib.loads(path.read_text())
    for path in (ROOT / "evaluation" / "tier_files").glob("*.toml")
}


@pytest.mark.parametrize("name", sorted(TIERS))
def test_the_table_has_each_tier(name: str) -> None:
    tier = TIERS[name]
    (row,) = re.findall(rf"^\| {name} \| (.*) \|$", PAGE, flags=re.MULTILINE)
    faces, attacks, corrupted = row.split(" | ")
    assert faces == str(tier.get("limit", "all"))
    kinds, severities = len(tier["corruptions"]), len(tier["severities"])
    told = "all" if kinds == len(CORRUPTIONS) else f"{kinds} kinds"
    assert corrupted == f"{told}, {severities} severit{'y' if severities == 1 else 'ies'}"
    steps = [one["steps"] for one in tier["attacks"] if one["name"] in ("pgd", "apgd")]
    assert all(f"PGD-{number}" in attacks for number in steps)


@pytest.mark.parametrize("name", sorted(TIERS))
def test_queries_of_square_on_black_boxes_are_those_of_the_tier(name: str) -> None:
    (queries,) = [one["queries"] for one in TIERS[name]["attacks"] if one["name"] == "square"]
    (sentence,) = re.findall(r"^noise, Square \(.*?\)", PAGE, flags=re.MULTILINE)
    assert re.search(rf"{name}: {queries:,}\b", sentence)


def test_full_certifies_what_the_page_says() -> None:
    certified = TIERS["full"]["certification"]
    text = " ".join(PAGE.partition("## Certificates")[2].split())
    assert f"for the first {certified['limit']} faces" in text
    assert f"(full: {certified['samples']:,})" in text
    assert not any("certification" in tier for name, tier in TIERS.items() if name != "full")
