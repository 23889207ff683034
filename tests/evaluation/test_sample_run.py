"""A first run without any data: the embedded sample, and what the report says of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.sample import write_sample
from datasets.sample.faces import HOW_TO_GET_FER2013
from tests.datasets.factory import sample_arrays
from tests.evaluation.test_run import ENVIRONMENT, REPOSITORY, refused
from tests.fer_models.untrained import write_untrained


def on_sample(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    """A command in a folder without data, with a synthetic sample for the embedded one."""
    sample = cwd / "sample.npz"
    if not sample.exists():
        write_sample(sample, *sample_arrays(each=3))
    return subprocess.run(
        [sys.executable, "-m", "tests.on_sample", str(sample), *map(str, arguments)],
        cwd=cwd,
        env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nothing-here")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_untrained(tmp_path_factory.mktemp("untrained"))


@pytest.fixture(scope="module")
def first_run(folder: Path, model: Path) -> subprocess.CompletedProcess:
    """`python -m evaluation.run` without --data; --models makes it short."""
    result = on_sample("evaluation.run", "--models", model, "--out", "run", cwd=folder)
    assert result.returncode == 0, result.stderr
    return result


def test_it_says_so_in_one_line(first_run: subprocess.CompletedProcess) -> None:
    said = [line for line in first_run.stderr.splitlines() if "generated faces" in line]
    assert len(said) == 1


def test_manifest_and_results_carry_it(
    first_run: subprocess.CompletedProcess, folder: Path
) -> None:
    data = json.loads((folder / "run" / "manifest.json").read_text())["data"]
    assert (data["name"], data["split"]) == ("generated sample", "Sample")
    assert data["generated"] is True
    assert HOW_TO_GET_FER2013 in data["notice"]
    assert data["labelled"] == {"fer": 21, "ferplus": 21}
    lines = (folder / "run" / "results.csv").read_text().splitlines()[1:]
    assert lines
    assert all(",Sample," in line for line in lines)


def test_the_report_begins_with_it(first_run: subprocess.CompletedProcess, folder: Path) -> None:
    page = (folder / "run" / "index.html").read_text()
    body = page[page.index("<body>") :]
    assert "say nothing about accuracy on real faces" in body[: body.index("<h1>")]
    assert 'href="https://github.com/microsoft/FERPlus"' in body[: body.index("<h1>")]


def test_public_test_is_not_found_in_it(folder: Path, model: Path) -> None:
    result = on_sample("evaluation.run", "--models", model, "--split", "PublicTest", cwd=folder)
    assert result.returncode == 2
    assert "expected a split PublicTest, found Sample" in result.stderr


def test_sets_are_made_of_it_and_verified(folder: Path, model: Path) -> None:
    line = ("--models", model, "--attack", "fgsm", "--limit", "10", "--out", "sets")
    result = on_sample("attacks.generate", *line, cwd=folder)
    assert result.returncode == 0, result.stderr
    (made,) = (folder / "sets").iterdir()
    assert (made / "eps-4-255" / "Sample" / "happy").is_dir()
    result = on_sample("evaluation.verify", made, model, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "the claim holds" in result.stdout


def test_it_is_inspected(folder: Path) -> None:
    result = on_sample("datasets.inspect", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "Sample" in result.stdout
    assert (folder / "inspect").is_dir()


def test_without_sample_it_says_how_to_give_data(tmp_path: Path, model: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    result = subprocess.run(
        [
            *(sys.executable, "-m", "tests.on_sample", str(tmp_path / "none.npz")),
            *("evaluation.run", "--models", str(model)),
        ],
        cwd=tmp_path,
        env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    refused(result, "give FER2013 with --data")
