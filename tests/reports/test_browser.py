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


def test_every_column_is_in_view_or_said_to_be_beyond(tmp_path: Path) -> None:
    """Wide pages show the whole leaderboard; a phone scrolls it in its box, and says so."""
    run = FinishedRun(write_run(tmp_path, Wishes(corruptions=(), examples=0)))
    seen = {}
    with browsers() as launch:
        browser = launch()
        page = browser.new_page()
        page.set_content(render(run))
        table = page.locator("#leaderboard table")
        assert "dense" in str(table.get_attribute("class"))  # 11 columns; 12 overflowed a laptop
        for width in (1440, 1200, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)
            box = page.locator("#leaderboard .scroll")
            beyond = box.evaluate("box => box.scrollWidth > box.clientWidth + 1")
            cue = page.locator("#leaderboard .cue").is_visible()
            whole = page.evaluate("document.documentElement.scrollWidth")
            seen[width] = (beyond, cue, whole)
        box.evaluate("box => box.scrollTo(box.scrollWidth, 0)")
        name = page.locator("#leaderboard tbody th").first
        assert name.bounding_box()["x"] >= 0  # names stay in view beside the last columns
        page.evaluate("for (const fold of document.querySelectorAll('.fold')) fold.open = true")
        page.wait_for_timeout(100)
        map_ = page.locator("#transfer-fer .panel")
        faded = [map_.evaluate("box => getComputedStyle(box).maskImage") != "none"]
        assert map_.locator(".cue").is_visible()  # as with tables: a fade and a line
        map_.evaluate("box => box.scrollTo(box.scrollWidth, 0)")
        page.wait_for_timeout(100)
        faded.append(map_.evaluate("box => getComputedStyle(box).maskImage") != "none")
        browser.close()
    assert faded == [True, False]
    assert seen == {1440: (False, False, 1440), 1200: (False, False, 1200), 390: (True, True, 390)}
