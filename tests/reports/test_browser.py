"""The leaderboard in headless Chromium: what its titles sort by.

Needs Chromium and the package playwright; skipped without them.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reports.load import Run, pick
from reports.page import render
from tests.reports.fake_run import Wishes, write_run

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
MEDIANS = {"a.fer": 2 / 255, "b.fer": np.inf, "c.fer": np.nan, "d.fer": np.inf, "e.fer": 3 / 255}


def test_models_that_the_grid_does_not_break_sort_as_the_most_robust(tmp_path: Path) -> None:
    wishes = Wishes(models=tuple(MEDIANS), label_sets=("fer",), corruptions=(), examples=0)
    run = Run.read(write_run(tmp_path, wishes))
    results = run.results.copy()
    rows = pick(results, metric="median_smallest_eps", perturbation="worst_case")
    results.loc[rows.index, "value"] = rows["model"].map(MEDIANS).astype(float)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content(render(replace(run, results=results)))
        title = page.get_by_role("button", name="Median smallest eps")
        orders = []
        for _ in range(2):
            title.click()
            names = page.locator("#leaderboard tbody th code").all_inner_texts()
            orders.append([name.removesuffix(".fer") for name in names])
        browser.close()
    assert orders == [["b", "d", "e", "a", "c"], ["a", "e", "b", "d", "c"]]  # no figure: last
