"""`docs/architecture.md` names files that exist, in links that lead to them, and every figure."""

import re
from pathlib import Path

import pytest

from evaluation.metrics.table import METRICS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "architecture.md").read_text()
LINKS = re.findall(r"\[`([^`]+)`\]\(([^)]+)\)", PAGE)
FOLDERS = sorted(set(re.findall(r"`((?:[a-z_]+/)+)`", PAGE)))
FILES = sorted(set(re.findall(r"`((?:[a-z_]+/)+[a-z_0-9]+\.[a-z]+)`", PAGE)))


@pytest.mark.parametrize(("name", "target"), LINKS)
def test_link_leads_to_the_file_it_names(name: str, target: str) -> None:
    assert target == f"../{name}"
    assert (DOCS / target).is_file()


@pytest.mark.parametrize("path", FILES + FOLDERS)
def test_path_exists(path: str) -> None:
    assert (DOCS.parent / path).exists()


def test_the_way_from_csv_to_page_is_complete() -> None:
    way = PAGE.partition("## One figure from csv to report")[2].partition("\n## ")[0]
    stops = re.findall(r"\[`([^`]+)`\]", way)
    rooms = [stop.partition("/")[0] for stop in stops]
    assert {"datasets", "fer_models", "attacks", "evaluation", "reports"} == set(rooms)
    order = [
        "datasets/read.py",
        "attacks/sets/store.py",
        "evaluation/stages/per_image.py",
        "evaluation/figures/attack.py",
        "evaluation/results/schema.py",
        "reports/page.py",
    ]
    assert [stop for stop in stops if stop in order] == order


def test_every_figure_has_its_file() -> None:
    table = PAGE.partition("## Which file computes which figure")[2]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(METRICS)


def test_the_file_named_writes_the_figure() -> None:
    table = PAGE.partition("## Which file computes which figure")[2]
    for line in table.splitlines():
        if line.startswith("| `"):
            figures, rows, _ = line.split(" | ")
            (file,) = re.findall(r"\]\(([^)]+)\)", rows)
            code = (DOCS / file).read_text()
            for name in re.findall(r"`(\w+)`", figures):
                composed = name.startswith("median_") and 'f"median_{' in code
                assert composed or f'"{name}"' in code, f"{name} is not in {file}"
