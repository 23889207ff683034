"""The clip page in headless Chromium: upload, progress, cancel, summary, and what is refused.

Needs Chromium and the package playwright; skipped without them.
"""

import time

import numpy as np
import pytest

from live.server.app import make_app
from live.server.shared_labeller import SharedLabeller
from tests.browser import IN_CHROMIUM, browsers
from tests.live.serving import served
from tests.live.video.made_clips import write_clip

pytestmark = IN_CHROMIUM
PATIENCE = 60_000


@pytest.fixture(scope="module")
def address(engine):
    with served(make_app(engine)) as address:
        yield f"http://{address}"


@pytest.fixture(scope="module")
def browser():
    with browsers() as launch:
        browser = launch()
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory, portrait):
    images = [np.roll(portrait, i % 30, axis=1) for i in range(40)]
    return write_clip(tmp_path_factory.mktemp("film") / "<i>me.mp4", images, sound=1.6)


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/clip")
    yield page
    page.close()


def test_clip_is_uploaded_and_its_summary_opens(page, film):
    wrong = []
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.select_option("[name=model]", "tiny.ferplus")
    page.set_input_files("#file", film)
    page.wait_for_url("**/clip/*/")
    assert "<i>me.mp4 has 40 frames" in page.inner_text("main")
    assert "Predictions of tiny.ferplus" in page.inner_text("main")
    for _ in range(200):  # the page's policy forbids what `wait_for_function` needs
        if page.evaluate("document.querySelector('video').readyState"):
            break
        page.wait_for_timeout(50)
    assert page.evaluate("document.querySelector('video').readyState") > 0
    assert page.evaluate("getComputedStyle(document.querySelector('.figures')).display") == (
        "flex"  # the page's own style is applied
    )
    with page.expect_download() as download:
        page.click("a[download]:first-of-type")
    assert download.value.path().read_text().startswith("frame,seconds,track")
    page.click("text=Read another clip")
    page.locator("#choose").wait_for()
    assert wrong == []


def test_reading_of_a_clip_is_cancelled(page, film, monkeypatch):
    monkeypatch.setattr(SharedLabeller, "label", lambda *arguments: time.sleep(5) or [])
    page.set_input_files("#file", film)
    page.locator("#stage", has_text="classifying").wait_for()
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.keyboard.press("Escape")
    assert page.inner_text("#message") == "Cancelled."
    assert page.is_hidden("#progress") and page.is_enabled("#again")


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"MZ" + bytes(1000), "Expected a complete clip"), (b"", "me.mp4 is empty")],
    ids=["exe", "empty"],
)
def test_bad_clip_is_said_on_the_page(page, tmp_path, data, words):
    path = tmp_path / "me.mp4"
    path.write_bytes(data)
    page.set_input_files("#file", path)
    page.locator("#message.error", has_text=words).wait_for()
    assert page.is_hidden("#progress")


def test_large_clip_is_refused_before_it_is_sent(page, tmp_path):
    path = tmp_path / "long.mp4"
    with path.open("wb") as file:
        file.truncate(201 * 2**20)
    page.set_input_files("#file", path)
    page.locator("#message.error", has_text="at most 200 are accepted").wait_for()
