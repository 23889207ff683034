"""The leaderboard in headless Chromium: what its titles sort by.

Needs Chromium and the package playwright; skipped without them.
"""

from pathlib import Path

import numpy as np

from evaluation.results.run import FinishedRun
from evaluation.results.select import pick
from reports.page import render
from tests.browser import IN_CHROMIUM, browsers
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import Wishes

pytestmark = IN_CHROMIUM
MEDIANS = {"a.fer": 2 / 255, "b.fer": np.inf, "c.fer": np.nan, "d.fer": np.inf, "e.fer": 3 / 255}


def test_models_that_the_grid_does_not_break_sort_as_the_most_robust(tmp_path: Path) -> None:
    wishes = Wishes(models=tuple(MEDIANS), label_sets=("fer",), corruptions=(), examples=0)
    run = FinishedRun(write_run(tmp_path, wishes))
    results = run.results.copy()
    rows = pick(results, metric="median_smallest_eps", perturbation="worst_case")
    results.loc[rows.index, "value"] = rows["model"].map(MEDIANS).astype(float)
    with browsers() as launch:
        browser = launch()
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
