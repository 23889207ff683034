"""The page of `evaluation.video` in headless Chromium: what a narrow screen says of wide tables.

Needs Chromium and the package playwright; skipped without them.
"""

from reports.readings.page import render
from tests.browser import IN_CHROMIUM, browsers
from tests.reports.test_readings_page import reading as reading

pytestmark = IN_CHROMIUM


def test_a_table_that_scrolls_says_so(reading) -> None:
    with browsers() as launch:
        browser = launch()
        page = browser.new_page()
        page.set_content(render(reading))
        seen = {}
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)
            seen[width] = page.locator(".cue:visible").count()
        browser.close()
    assert seen == {1280: 0, 320: 2}  # one table for planted and one for real clips
