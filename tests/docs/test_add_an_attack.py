"""`docs/add-an-attack.md`, followed step by step in a copy of the package."""

from pathlib import Path

import pandas as pd
import pytest

from tests.docs.guide import ROOT, blocks, follow, shell

PAGE = (ROOT / "docs" / "add-an-attack.md").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    follow(PAGE, tmp_path)
    return tmp_path


def test_every_block_is_of_a_kind_that_is_followed() -> None:
    kinds = [kind for kind, _, _ in blocks(PAGE)]
    assert kinds == ["python", "diff", "diff", "sh", "python", "diff", "diff", "sh"]


def test_a_diff_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"not in attacks/registry\.py exactly once"):
        follow(
            PAGE.replace("from attacks.fmn import FMN", "from attacks.gone import FMN"), tmp_path
        )


def test_the_command_lists_the_new_attack(folder: Path) -> None:
    (line,) = [
        line
        for line in shell("python -m attacks.generate --list", folder).splitlines()
        if line.startswith("momentum")
    ]
    assert "steps=10" in line
    assert "decay=1.0" in line


@pytest.mark.slow
def test_the_new_attack_and_corruption_run(tmp_path: Path) -> None:
    shell(follow(PAGE, tmp_path), tmp_path)
    success = pd.read_csv(tmp_path / "sets" / "simple_cnn.fer-fer-momentum-linf" / "success.csv")
    assert len(success) == 8
    results = pd.read_csv(tmp_path / "runs" / "mine" / "results.csv")
    assert {"momentum", "vignette"} <= set(results.perturbation)
    counts = results[(results.metric == "robust_accuracy") & (results.subset == "all")]
    assert {"momentum", "worst_case"} <= set(counts.perturbation)
    page = (tmp_path / "runs" / "mine" / "index.html").read_text()
    assert "gradient steps whose direction is averaged over the steps before" in page


@pytest.mark.slow
def test_the_conformance_suites_pick_both_up(tmp_path: Path) -> None:
    follow(PAGE, tmp_path)
    tests = ROOT / "tests" / "attacks"
    output = shell(
        f"python -m pytest -q -p no:cacheprovider -c {ROOT}/pyproject.toml --rootdir {ROOT} "
        f"-o pythonpath= -k 'momentum or vignette' {tests}/test_conformance.py "
        f"{tests}/corruptions/test_corruptions.py",
        tmp_path,
    )
    assert "passed" in output
    assert "failed" not in output
