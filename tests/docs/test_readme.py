"""All pages: commands parse, links lead somewhere; every command and option is named."""

import re
import tomllib
from pathlib import Path

import pytest

from fer_models.zoo import model_ids
from tests.docs.guide import ROOT, options, parse_command
from tests.test_architecture import command_modules

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = "attacks|benchmarks|datasets|docs|evaluation|faces|fer_models|live|reports|tests"


def commands() -> set[str]:
    """Lines of pages that are commands of ours; one that ends in a backslash goes on.

    Without `--list`, which prints as soon as it is parsed.
    """
    texts = [page.read_text().replace("\\\n", "") for page in PAGES]
    ours = re.compile(rf"^ *(python -m (?:{ROOMS})\b.*)$", flags=re.MULTILINE)
    return {line for text in texts for line in ours.findall(text) if "--list" not in line}


@pytest.mark.parametrize("line", sorted(commands()))
def test_command_parses(line: str) -> None:
    parse_command(line)


MAKERS = ("faces.mean_shape", "fer_models.generator", "fer_models.train_landmarks")
"""Commands that made what is shipped."""
FOR_USERS = sorted(
    name
    for name in (module.removesuffix(".__main__") for module in command_modules())
    if not name.startswith(MAKERS)
)


def test_every_command_for_users_is_named() -> None:
    assert set(FOR_USERS) <= set(re.findall(r"python -m ([\w.]+)", README))


def test_every_extra_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    table = README.partition("| extra |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
    told = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(told) == sorted(project["optional-dependencies"])


def test_readme_says_how_many_models_ship() -> None:
    (told,) = re.findall(r"besides the (\d+) that it ships", " ".join(README.split()))
    assert int(told) == len(model_ids())


@pytest.mark.parametrize("module", FOR_USERS)
def test_every_option_is_named(module: str) -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text))
    assert [option for option in options(module) if not named & set(option)] == []


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, as they are made for links."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def links() -> list[tuple[Path, str]]:
    """Every link of a page that does not lead to the web."""
    return [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        if not target.startswith("http")
    ]


@pytest.mark.parametrize(("page", "target"), links())
def test_link_leads_somewhere(page: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    assert file.exists()
    assert not anchor or anchor in headings(file)


ABOUT_TODAY = [
    page
    for page in sorted((ROOT / "docs").glob("*.md"))
    if page.name not in ("models.md", "training-log.md")
]
"""Pages whose models a reader may want to use."""


@pytest.mark.parametrize("page", ABOUT_TODAY)
def test_a_model_that_does_not_ship_is_said_to(page: Path) -> None:
    text = " ".join(page.read_text().split())
    named = set(re.findall(r"(?<![\w.])([a-z]\w*\.(?:fer|ferplus))(?![\w.]*\w)", text))
    gone = set(re.findall(r"([\w.]+)`?,? no longer ship", text))
    assert named - set(model_ids()) - gone - {"faces.fer"} == set()


MADE_UP = ("ID.json", "NAME.py", "kappa.py", "momentum.py", "vignette.py")
"""Files that a reader is asked to write, or names with a placeholder."""


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "decisions"])
def test_files_of_the_project_exist(page: Path) -> None:
    named = re.findall(rf"`((?:{ROOMS})/[\w./-]+)`", page.read_text())
    assert [file for file in named if not (file.endswith(MADE_UP) or (ROOT / file).exists())] == []


def test_no_upper_bound_in_the_table_reads_as_a_lower_one() -> None:
    rows = [line for line in README.split("\n") if line.startswith("| `") and "\u2264" in line]
    own = [row for row in rows if "no bound" in row or " to " in row.split(" | ")[-1]]
    assert own and not any("to >" in row for row in own)
    assert all("on 100 faces" in row for row in own)
