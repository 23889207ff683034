"""`action.yml`, the action for GitHub: its inputs, and its scripts run as GitHub runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from tests.docs.guide import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: dict[str, dict[str, Any]] = {
    step.get("name", step.get("uses")): step for step in ACTION["runs"]["steps"]
}
PAGE = (ROOT / "docs" / "ci.md").read_text()
CHECK, MEASURE = STEPS["Check the inputs"], STEPS["Measure and compare"]
FAKE = """#!/bin/bash
printf '%s\\n' "$#" "$@" >> "$CALLS"
if [[ "$2" == evaluation.run ]]; then mkdir -p run; touch run/index.html; exit "${RUN_CODE:-0}"; fi
exit "${COMPARE_CODE:-0}"
"""
"""In place of `python`: writes down how it was called, and makes a report."""


def script(step: dict[str, Any], folder: Path, path: str = "", **inputs: str) -> Any:
    """Run a step in a folder, with the defaults of inputs that are not given."""
    values = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()}
    values |= {name.replace("_", "-"): text for name, text in inputs.items()}

    def filled(template: str) -> str:
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: values[match[1]], template)

    environment = {name: filled(text) for name, text in step["env"].items()}
    kept = {name: text for name, text in os.environ.items() if name != "DEADPAN_DATA"}
    kept |= {"PATH": f"{path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    kept |= {"GITHUB_OUTPUT": str(folder / "output"), "CALLS": str(folder / "calls")}
    kept |= {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    return subprocess.run(
        # as GitHub calls it: docs.github.com, "Workflow syntax", jobs.<id>.steps[*].shell
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
    )


def calls(folder: Path) -> list[list[str]]:
    """Arguments of each call of the fake `python`."""
    words, found = (folder / "calls").read_text().splitlines(), []
    while words:
        count = int(words[0])
        found.append(words[1 : count + 1])
        words = words[count + 1 :]
    return found


@pytest.fixture
def fake(tmp_path: Path) -> str:
    """A folder with a fake `python`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").write_text(FAKE)
    (folder / "python").chmod(0o755)
    return str(folder)


def test_it_is_an_action_and_no_input_is_run_as_code() -> None:
    assert ACTION["name"] and ACTION["description"] and ACTION["runs"]["using"] == "composite"
    for entry in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert entry["description"].endswith(".")
    used = set()
    for step in ACTION["runs"]["steps"]:
        assert ("uses" in step) != (step.get("shell") == "bash")
        assert "${{" not in step.get("run", "")
        words = " ".join([*step.get("env", {}).values(), *step.get("with", {}).values()])
        used |= set(re.findall(r"inputs\.([\w-]+)", words))
    assert used == set(ACTION["inputs"])
    outputs = {entry["value"] for entry in ACTION["outputs"].values()}
    assert outputs == {f"${{{{ steps.measure.outputs.{name} }}}}" for name in ACTION["outputs"]}


def test_the_page_names_every_input_and_its_workflow_uses_them() -> None:
    table = re.findall(r"^\| `([\w-]+)` \|", PAGE, flags=re.MULTILINE)
    assert table == list(ACTION["inputs"])
    (text,) = re.findall(r"^```yaml\n(name: .*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    workflow = yaml.safe_load(text)
    (job,) = workflow["jobs"].values()
    (step,) = [one for one in job["steps"] if one.get("uses", "").startswith("OWNER/deadpan@")]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert set(re.findall(rf"steps\.{step['id']}\.outputs\.(\w+)", text)) <= set(ACTION["outputs"])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"models": " \n"}, "models must name"),
        ({"models": "a", "allowed_loss": "two"}, "allowed-loss must be points"),
        ({"models": "a", "allowed_loss": "-1"}, "allowed-loss must be points"),
        ({"models": "a", "extras": "torch]; rm -rf x"}, "extras must be names"),
        ({"models": "a", "out": "taken"}, "out must be a new folder"),
        ({"models": "a", "out": ""}, "out must be a new folder"),
    ],
)
def test_bad_inputs_are_one_line(inputs: dict[str, str], words: str, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    result = script(CHECK, tmp_path, **inputs)
    assert (result.returncode, result.stderr) == (2, "")
    assert result.stdout.startswith(f"::error::{words}") and result.stdout.count("\n") == 1


def test_good_inputs_pass_and_a_missing_base_is_a_warning(tmp_path: Path) -> None:
    result = script(CHECK, tmp_path, models="a", allowed_loss="2.5", extras="torch,onnx")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    result = script(CHECK, tmp_path, models="a", base="nowhere")
    assert result.returncode == 0 and result.stdout.startswith("::warning::base: 'nowhere'")


def test_inputs_become_arguments_whole(tmp_path: Path, fake: str) -> None:
    result = script(
        MEASURE, tmp_path, fake,
        models="my net.onnx,tiny.fer", data="faces of mine", out="run",
        fail_under="accuracy=0.6\nrobust_accuracy@4/255=0.1\n", arguments="--limit=20\n$(touch x)",
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    assert calls(tmp_path) == [
        [
            *("-m", "evaluation.run", "--models", "my net.onnx,tiny.fer"),
            *("--data", "faces of mine", "--tier", "quick", "--out", "run"),
            *("--fail-under", "accuracy=0.6", "--fail-under", "robust_accuracy@4/255=0.1"),
            *("--junit", "run/junit/floors.xml", "--limit=20", "$(touch x)"),
        ]
    ]
    assert not (tmp_path / "x").exists()
    assert (tmp_path / "output").read_text().splitlines() == [
        *("run=run", "report=run/index.html", "junit=run/junit"),
    ]


@pytest.mark.parametrize(
    ("codes", "code"), [((0, 0), 0), ((1, 0), 1), ((0, 1), 1), ((0, 2), 2), ((1, 2), 1)]
)
def test_the_base_is_compared_whether_or_not_a_floor_holds(
    codes: tuple[int, int], code: int, tmp_path: Path, fake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "manifest.json").touch()
    for name, value in zip(("RUN_CODE", "COMPARE_CODE"), codes, strict=True):
        monkeypatch.setenv(name, str(value))
    inputs = {"models": "a", "out": "run", "base": "base", "allowed_loss": "2"}
    assert script(MEASURE, tmp_path, fake, **inputs).returncode == code
    _, compared = calls(tmp_path)
    assert compared == [
        *("-m", "evaluation.compare", "base", "run", "--fail-on-regression", "2"),
        *("--junit", "run/junit/regressions.xml"),
    ]


@pytest.mark.parametrize(("run", "calls_made", "code"), [(0, 2, 2), (1, 2, 1), (2, 1, 2)])
def test_a_base_is_not_passed_over_where_the_arguments_name_another_folder(
    run: int, calls_made: int, code: int, tmp_path: Path, fake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "manifest.json").touch()
    monkeypatch.setenv("RUN_CODE", str(run))
    monkeypatch.setenv("COMPARE_CODE", "2")  # there is no run in `elsewhere`
    inputs = {"models": "a", "out": "elsewhere", "base": "base", "arguments": "--out=run"}
    assert script(MEASURE, tmp_path, fake, **inputs).returncode == code
    assert len(calls(tmp_path)) == calls_made


@pytest.mark.slow
def test_a_real_run_and_its_base(tmp_path: Path) -> None:
    path = str(Path(sys.executable).parent)
    inputs = {"models": "tiny.fer", "fail_under": "accuracy=0.5"}
    result = script(MEASURE, tmp_path, path, out="base", **inputs)
    assert result.returncode == 0, result.stderr
    result = script(MEASURE, tmp_path, path, out="run", base="base", **inputs)
    assert result.returncode == 0, result.stderr
    floors, losses = (
        JUnitXml.fromfile(str(tmp_path / "run" / "junit" / f"{name}.xml"))
        for name in ("floors", "regressions")
    )
    assert (floors.tests, floors.failures, floors.errors) == (2, 0, 0)
    assert losses.tests > 20 and (losses.failures, losses.errors) == (0, 0)
    page = (tmp_path / "summary.md").read_text()
    assert page.count("never that it is") == 2  # the quick tier, in both runs' summaries
    assert "# Deadpan: run after base" in page and "**Requirements: 2 held**" in page
