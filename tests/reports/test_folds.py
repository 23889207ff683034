"""Sections that fold, in headless Chromium: on a phone, by links, by keyboard, in print.

Needs Chromium and the package playwright; skipped without them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.page import write_report
from tests.browser import IN_CHROMIUM, browsers
from tests.reports.fake_run import write_run
from tests.reports.wishes import Wishes

pytestmark = IN_CHROMIUM
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
MOST_PIXELS = 8_000
"""Height of the page on a phone before anything is opened."""
FOLDED = "details.fold:not([open])"
IN_VIEW = """box => {
  const {top, bottom} = box.getBoundingClientRect();
  return top >= 48 && bottom <= innerHeight && box.checkVisibility();
}"""

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    wishes = Wishes(corruptions=("jpeg", "contrast"), examples=6)
    return write_report(write_run(tmp_path_factory.mktemp("run"), wishes)).as_uri()


@pytest.fixture(scope="module")
def opened(address: str) -> Iterator[Opened]:
    """Opens the report in a new tab: viewport, hash, and whether scripts run."""
    with browsers() as launch:
        browser = launch()

        def open_page(viewport: dict[str, int], hash: str = "", scripts: bool = True) -> Any:
            page = browser.new_page(
                viewport=viewport, java_script_enabled=scripts, reduced_motion="reduce"
            )
            page.goto(address + hash)
            return page

        yield open_page
        browser.close()


def test_a_phone_sees_the_verdict_and_the_findings(opened: Opened) -> None:
    page = opened(PHONE)
    height, width = page.evaluate(
        "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
    )
    assert height < MOST_PIXELS and width == PHONE["width"]
    assert page.locator("#verdict .verdict").first.is_visible()
    assert page.locator("details.fold").count() == page.locator(FOLDED).count() > 10
    finding = page.locator("#curves .finding")
    assert "robust accuracy at 4/255" in finding.inner_text()
    page.locator("#curves summary").first.click()
    assert page.locator("#curves figure").first.is_visible() and not finding.is_visible()


def test_a_wide_page_is_open(opened: Opened) -> None:
    page = opened(DESK)
    assert page.locator(FOLDED).count() == 0
    page.get_by_role("button", name="Fold all").click()
    assert page.locator(FOLDED).count() == page.locator("details.fold").count()
    page.get_by_role("button", name="Open all").click()
    assert page.locator(FOLDED).count() == 0


def test_links_open_what_they_lead_to(opened: Opened) -> None:
    page = opened(PHONE)
    link = page.locator('#leaderboard a[href="#g-rank"]').first
    link.click()
    page.wait_for_url("**#g-rank")
    assert page.locator("#g-rank").evaluate(IN_VIEW)
    page.locator("#method summary").first.click()
    page.go_back()
    assert page.locator(FOLDED).count() == page.locator("details.fold").count()
    page.go_forward()
    page.wait_for_selector("#method details.fold[open]")
    assert page.locator("#g-rank").evaluate(IN_VIEW)


@pytest.mark.parametrize("hash", ["#rule-R6", "#curve-fer-linf", "#gallery"])
def test_an_address_opens_what_it_names(opened: Opened, hash: str) -> None:
    page = opened(PHONE, hash)
    target = page.locator(hash)
    page.wait_for_function("box => box.checkVisibility()", arg=target.element_handle())
    top = target.evaluate("box => box.getBoundingClientRect().top")
    assert 0 < top < PHONE["height"] / 2
    opened_folds = page.locator("details.fold[open]")
    assert opened_folds.count() == 1
    assert page.locator(f"section:has(details.fold[open]):is({hash}, :has({hash}))").count() == 1


def test_the_contents_stay_at_hand(opened: Opened) -> None:
    page = opened(PHONE)
    page.locator("footer").scroll_into_view_if_needed()
    contents = page.get_by_role("button", name="Contents")
    contents.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.hash") == "#verdict"
    page.keyboard.press("Escape")
    assert not page.locator("#contents").is_visible()
    contents.click()
    page.locator("#contents").get_by_role("link", name="Calibration").click()
    assert not page.locator("#contents").is_visible()
    assert page.locator("#calibration summary").first.evaluate(IN_VIEW)
    assert page.locator("#calibration figure").first.is_visible()


def test_a_section_folds_from_its_middle(opened: Opened) -> None:
    """Its title stays in view, and so does the place on the page."""
    page = opened(PHONE, "#g-rank")
    title = page.locator("#method summary").first
    assert title.evaluate(IN_VIEW)
    title.press("Enter")
    page.wait_for_selector("#method details.fold:not([open])")
    page.wait_for_timeout(100)
    assert title.evaluate(IN_VIEW)


def test_nothing_is_lost_without_scripts(opened: Opened) -> None:
    page = opened(PHONE, scripts=False)
    assert not page.locator("#method dt").first.is_visible()
    page.locator("#method summary").first.press("Enter")
    assert page.locator("#method dt").first.is_visible()
    assert not page.get_by_role("button", name="Open all").is_visible()
    page.emulate_media(media="print")
    for section in ("#curves figure", "#costs table", "#gallery .example", "#manifest dd"):
        assert page.locator(section).first.is_visible(), section


def test_printing_opens_all_and_folds_again(opened: Opened) -> None:
    page = opened(PHONE)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not(.behind):not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(FOLDED).count() == page.locator("details.fold").count()


def test_many_verdicts_fold_after_eight(opened: Opened, tmp_path: Path) -> None:
    models = tuple(f"net_{letter}.fer" for letter in "abcdefghijk")
    wishes = Wishes(
        models=models, label_sets=("fer",), corruptions=(), examples=0, broken_model=models[2]
    )
    page = opened(PHONE)
    page.goto(write_report(write_run(tmp_path, wishes)).as_uri())
    verdicts = page.locator("#verdict .verdict")
    assert verdicts.count() == 11
    assert [verdicts.nth(place).is_visible() for place in (7, 8)] == [True, False]
    page.get_by_text("3 more models under FER labels").click()
    assert verdicts.nth(10).is_visible()
