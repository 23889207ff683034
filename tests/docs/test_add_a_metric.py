"""`docs/add-a-metric.md`, followed step by step in a copy of the package."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from evaluation.metrics.accuracy import confusion_matrix
from evaluation.metrics.metric import Metric
from evaluation.metrics.table import METRICS
from tests.docs.guide import ROOT, blocks, follow, shell
from tests.evaluation import tiny

PAGE = (ROOT / "docs" / "add-a-metric.md").read_text()


def test_every_block_is_of_a_kind_that_is_followed() -> None:
    assert [kind for kind, _, _ in blocks(PAGE)] == ["python", "diff", "diff", "sh"]


def test_the_function_of_the_page_is_kappa() -> None:
    names: dict[str, object] = {}
    exec(blocks(PAGE)[0][2], names)
    labels, answers = np.random.default_rng(0).integers(0, 3, (2, 50))
    counts = confusion_matrix(labels, answers, num_classes=3)
    kappa = names["kappa"]
    assert callable(kappa)
    assert kappa(counts) == pytest.approx(cohen_kappa_score(labels, answers))
    assert np.isnan(kappa(np.zeros((3, 4), int)))


def test_the_record_says_how_the_interval_is_made() -> None:
    made = dict(re.findall(r"^ +\| `Of\.(\w+)` .* \| ([\w ]+) \|$", PAGE, flags=re.MULTILINE))
    names: dict[str, object] = {}
    exec(blocks(PAGE)[0][2], names)
    kappa = names["KAPPA"]
    assert isinstance(kappa, Metric)
    with_function = [one for one in (kappa, *METRICS.values()) if one.of]
    assert {one.of.name for one in with_function if one.of} == set(made)
    for one in with_function:
        assert one.of and one.interval == made[one.of.name], one.name


@pytest.mark.slow
def test_the_new_metric_reaches_results_report_and_comparison(tmp_path: Path) -> None:
    run = tiny.write_run(tmp_path / "runs" / "first", tiny.config(corruptions=()))
    shutil.copytree(run, tmp_path / "runs" / "second")
    commands = follow(PAGE, tmp_path)
    shutil.copytree(ROOT / "reports", tmp_path / "reports")
    shell(commands, tmp_path)
    shell(commands.replace("first", "second"), tmp_path)
    results = pd.read_csv(run / "results.csv")
    rows = results[results.metric == "kappa"]
    assert set(rows.model) == {"tiny.fer", "tiny.ferplus"}
    assert (rows.ci_low <= rows.value).all() and (rows.value <= rows.ci_high).all()
    summary = (run / "report.md").read_text()
    assert "| Kappa |" in summary
    assert ">Kappa<" in (run / "index.html").read_text()
    shell("python -m evaluation.compare runs/first runs/second --out changes.csv", tmp_path)
    assert "kappa" in set(pd.read_csv(tmp_path / "changes.csv").metric)
