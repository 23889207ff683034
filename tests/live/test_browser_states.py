"""What the pages show after something went wrong, or was replaced by something else.

Needs Chromium and the package playwright; skipped without them.
"""

import cv2
import pytest

from live.server.app import make_app
from live.source import Source
from tests.browser import IN_CHROMIUM, browsers
from tests.live.serving import served
from tests.live.watching import CAMERA, watched_page

pytestmark = IN_CHROMIUM


@pytest.fixture(scope="module")
def address(engine):
    with served(make_app(engine, allow_url=True)) as address:
        yield f"http://{address}"


@pytest.fixture(scope="module")
def launch():
    with browsers() as launch:
        yield launch


@pytest.fixture(scope="module")
def browser(launch):
    """Without a camera."""
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def picture(tmp_path_factory, portrait):
    path = tmp_path_factory.mktemp("pictures") / "me.png"
    cv2.imwrite(str(path), portrait[..., ::-1])
    return path


@pytest.fixture
def page(browser):
    with watched_page(browser) as page:
        yield page


def show(page, address, picture):
    page.goto(address)
    page.wait_for_selector("#notice button")
    page.set_input_files("#file", picture)
    page.wait_for_selector(".face")


def test_nothing_of_the_last_source_stays_when_another_is_chosen(page, address, picture):
    show(page, address, picture)
    page.locator("#status", has_text="One face.").wait_for()
    page.select_option("[name=source]", "camera")
    page.wait_for_selector("#notice button")
    page.wait_for_selector(".face", state="detached")
    assert page.inner_text("#status") == "No picture yet."
    assert page.inner_text("#pace") == ""


def test_picture_is_read_again_after_a_lost_connection(page, address, picture):
    show(page, address, picture)
    page.evaluate("sockets.at(-1).close()")
    page.locator("#status", has_text="No connection").wait_for()
    page.locator("#status", has_text="One face.").wait_for()


def test_refused_recording_is_said_for_long_enough_to_be_read(page, address, picture, monkeypatch):
    monkeypatch.setattr("live.server.sessions.MOST_SESSIONS", 0)
    show(page, address, picture)
    page.click("[data-do=record]")
    page.locator("#status", has_text="recordings can run at once").wait_for()
    page.select_option("[name=attack]", "noise")
    page.locator("#attack-words", has_text="noise").wait_for()
    page.wait_for_timeout(1000)
    assert "recordings can run at once" in page.inner_text("#status")


def test_camera_that_stops_by_itself_is_said(launch, address):
    browser = launch(*CAMERA)
    with watched_page(browser) as page:
        page.goto(address)
        page.locator("#pace", has_text="frames/s").wait_for()
        page.evaluate("streams[0].getTracks()[0].dispatchEvent(new Event('ended'))")
        page.locator("#notice", has_text="The camera has stopped").wait_for()
        assert page.inner_text("#pace") == ""
    browser.close()


def test_why_there_is_no_video_is_announced(page, address):
    page.goto(address)
    page.get_by_role("status").filter(has_text="camera").wait_for()


def test_late_frame_of_the_last_source_says_nothing(page, engine, picture):
    with served(make_app(engine, source=Source(picture))) as address:
        page.goto(f"http://{address}")
        page.locator("#status", has_text="One face.").wait_for()
        page.evaluate("""() => {
            const copy = createImageBitmap;
            const opened = new Promise((open) => { window.letThrough = open; });
            window.createImageBitmap = async (what) => {
                const bitmap = await copy(what);
                window.held = true;
                await opened;
                return bitmap;
            };
        }""")
        while not page.evaluate("window.held === true"):
            page.wait_for_timeout(50)
        page.wait_for_timeout(500)  # its answer comes next
        page.select_option("[name=source]", "file")
        page.evaluate("letThrough()")
        page.wait_for_timeout(1000)
        assert page.inner_text("#status") == "No picture yet."


def test_no_results_of_another_model_stay_beside_an_error(
    page, address, engine, picture, monkeypatch
):
    def fail(images):
        raise FloatingPointError("no number")

    show(page, address, picture)
    monkeypatch.setattr(engine.models.wait("tiny.ferplus"), "logits", fail)
    page.select_option("[name=model]", "tiny.ferplus")
    page.wait_for_selector(".face", state="detached")
    assert "FloatingPointError: no number" in page.inner_text("#status")
    page.select_option("[name=second]", "")
    page.select_option("[name=model]", "tiny.fer")
    page.wait_for_selector(".face")


def test_frame_that_the_browser_cannot_copy_is_tried_again(page, address, picture):
    show(page, address, picture)
    page.wait_for_selector(".face .now")
    page.evaluate("""() => {
        const copy = createImageBitmap;
        window.createImageBitmap = () => {
            window.createImageBitmap = copy;
            return Promise.reject(new DOMException("lost", "InvalidStateError"));
        };
    }""")
    page.select_option("[name=attack]", "")
    page.wait_for_selector(".face .now", state="hidden")


def test_flips_of_a_picture_are_not_counted_as_frames(page, address, picture):
    show(page, address, picture)
    page.select_option("[name=attack]", "pgd")
    page.fill("[name=eps]", "16")
    page.wait_for_selector(".face .flip")
    for _ in range(2):
        page.click("[name=landmarks]")
        page.locator(".face .meta", has_text="0 blinks").wait_for()
        assert "frames so far" not in page.inner_text(".face .meta")
        page.click("[name=landmarks]")
        page.locator(".face .meta", has_not_text="blinks").wait_for(state="attached")


def test_key_that_is_held_down_acts_once(page, address, picture):
    show(page, address, picture)
    for key in ("Space", "k"):
        for _ in range(4):  # after the first, Chromium repeats it
            page.keyboard.down(key)
        page.keyboard.up(key)
    assert page.get_attribute("[data-do=freeze]", "aria-pressed") == "true"
    assert page.is_checked("[name=round]")


@pytest.mark.parametrize("kind", ["photo", "clip"])
def test_key_that_chooses_a_file_works_while_a_slider_has_the_focus(page, address, kind):
    page.goto(f"{address}/{kind}")
    page.focus("[name=eps]")
    # Playwright may begin to listen for a file chooser only after it is open.
    page.evaluate(
        "document.querySelector('#file').addEventListener('click', (event) => {"
        " event.preventDefault(); document.body.classList.add('asked'); })"
    )
    page.keyboard.press("p")
    page.wait_for_selector("body.asked")


def test_attack_that_made_a_picture_stays_named_when_another_is_chosen(page, address, picture):
    page.goto(f"{address}/photo")
    page.set_input_files("#file", picture)
    page.wait_for_selector("#attack-it:enabled")
    page.click("#attack-it")
    page.wait_for_selector("#survival tbody tr:nth-child(4)")
    page.select_option("[name=attack]", "noise")
    assert page.inner_text("#made-by") == "FGSM, eps 4/255, on tiny.fer"


def test_late_answer_to_an_earlier_question_changes_nothing(page, address, picture):
    page.goto(f"{address}/photo")
    page.set_input_files("#file", picture)
    page.wait_for_selector("#attack-it:enabled")
    held = []
    page.route("**/api/photo", lambda route: route.continue_() if held else held.append(route))
    page.select_option("[name=model]", "tiny.ferplus")
    with page.expect_response("**/api/photo"):
        page.select_option("[name=model]", "tiny.fer")
    page.wait_for_selector("#attack-it:enabled")
    with page.expect_response("**/api/photo"):
        held[0].continue_()
    page.wait_for_timeout(300)
    assert page.is_enabled("#attack-it")


def test_nothing_of_the_last_photo_stays_when_the_next_is_refused(page, address, picture):
    page.goto(f"{address}/photo")
    page.set_input_files("#file", picture)
    page.wait_for_selector(".face")
    page.fill("[name=url]", "http://127.0.0.1/me.png")
    page.click("#by-url button")
    page.wait_for_selector("#message.error")
    assert page.locator(".face").count() == 0
    assert page.is_hidden("#picture") and page.is_disabled("#attack-it")
