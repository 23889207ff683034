"""docs/threat-models.md: its tables of tiers, attacks and defences say what the code says."""

import re
import tomllib
from dataclasses import fields

import pytest

from attacks.registry import ATTACKS, CORRUPTIONS
from fer_models.defences.registry import DEFENCES, parse_defence
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


def test_transfer_sets_have_the_faces_that_the_page_says() -> None:
    made = {name: tier["transfer"] for name, tier in TIERS.items() if "transfer" in tier}
    limits = {name: transfer.get("limit") for name, transfer in made.items()}
    assert TIERS.keys() - limits.keys() == {"quick"}
    text = " ".join(PAGE.split())
    assert "In every tier but quick, a run of several models also makes a transfer set" in text
    told = dict(re.findall(r"headline eps \((\w+): of the first (\d+) faces\)", text))
    assert told == {name: str(limit) for name, limit in limits.items() if limit}


def test_full_certifies_what_the_page_says() -> None:
    certified = TIERS["full"]["certification"]
    text = " ".join(PAGE.partition("## Certificates")[2].split())
    assert f"for the first {certified['limit']} faces" in text
    assert f"(full: {certified['samples']:,})" in text
    assert not any("certification" in tier for name, tier in TIERS.items() if name != "full")


def rows(heading: str) -> list[list[str]]:
    """Cells of each row of the tables of a section, without their heads."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| `")]


def test_the_tables_have_each_attack_with_its_norms_and_defaults() -> None:
    told = {name: row for row in rows("The attacks") for name in re.findall(r"`(\w+)`", row[0])}
    assert told.keys() == ATTACKS.keys()
    for name, (_, norms, *_, options) in told.items():
        attack = ATTACKS[name]
        assert norms.split(", ") == [str(norm) for norm in attack.norms], name
        defaults = {field.name: field.default for field in fields(attack)}
        for option, value in re.findall(r"`(\w+)` ([\d.]+)", options):
            assert defaults[option] == float(value), f"{name}: {option}"


def test_the_table_has_each_defence() -> None:
    named = [re.findall(r"`\+(\w[\w.]*)`", row[0])[0] for row in rows("Defences")]
    assert [parse_defence(name).name for name in named] == list(DEFENCES)
    for (_, _, strength), entry in zip(rows("Defences"), DEFENCES.values(), strict=True):
        assert set(map(float, re.findall(r"[\d.]+", strength))) >= {entry.low, entry.high}
