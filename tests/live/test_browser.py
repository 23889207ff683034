"""The page in headless Chromium with a fake camera: every control is pressed.

Needs Chromium and the package playwright; skipped without them.
"""

import time

import cv2
import numpy as np
import pytest

from live.server import photo
from live.server.app import make_app
from tests.browser import IN_CHROMIUM, browsers
from tests.live.serving import served
from tests.live.watching import CAMERA, PATIENCE, watched_page

pytestmark = IN_CHROMIUM
ENDED = "streams.length && streams.every(s => s.getTracks().every(t => t.readyState == 'ended'))"


@pytest.fixture(scope="module")
def address(engine):
    with served(make_app(engine)) as address:
        yield f"http://{address}"


@pytest.fixture(scope="module")
def camera_clip(tmp_path_factory, portrait):
    """The portrait as raw video that Chromium plays as a camera."""
    image = np.full((480, 640, 3), 120, np.uint8)
    image[100:356, 190:446] = portrait
    yuv = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420).tobytes()
    path = tmp_path_factory.mktemp("camera") / "portrait.y4m"
    head = b"YUV4MPEG2 W640 H480 F15:1 Ip A1:1 C420jpeg\n"
    path.write_bytes(head + (b"FRAME\n" + yuv) * 15)
    return path


@pytest.fixture(scope="module")
def launch():
    with browsers() as launch:
        yield launch


@pytest.fixture(scope="module")
def browser(launch, camera_clip):
    browser = launch(*CAMERA, f"--use-file-for-fake-video-capture={camera_clip}")
    yield browser
    browser.close()


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector(".face")
    yield page
    page.close()
    assert wrong == []


def value(page, name):
    return page.evaluate(
        "n => { const c = document.querySelector(`[name=${n}]`);"
        " return c.type === 'checkbox' ? c.checked : c.value }",
        name,
    )


def press(page, key):
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(key)


def test_face_is_found_and_an_attack_changes_its_label(page):
    page.select_option("[name=attack]", "pgd")
    page.fill("[name=eps]", "16")
    page.wait_for_selector(".face .flip")
    assert page.inner_text(".face .was") != page.inner_text(".face .now")
    assert page.inner_text("#attack-words") == "PGD, eps 16/255"
    assert page.locator(".answer").count() == 2
    page.locator("#pace", has_text="frames/s").wait_for()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("m", "model"), ("b", "second"), ("a", "attack"), ("t", "target"), ("d", "defence"),
        ("f", "detector"), ("h", "heat"), ("l", "landmarks"), ("e", "both_eyes"), ("o", "many"),
        ("k", "round"), ("i", "mirror"), ("]", "eps"), ("[", "eps"), ("+", "repeat"),
    ],
)  # fmt: skip
def test_every_key_changes_its_control(page, key, name):
    before = value(page, name)
    press(page, key)
    after = value(page, name)
    assert after != before
    if key.isalpha():
        page.keyboard.press(f"Shift+{key.upper()}")
        assert value(page, name) == before


def test_steps_and_severity_share_their_keys(page):
    page.select_option("[name=attack]", "pgd")
    press(page, ".")
    assert value(page, "steps") == "11"
    page.select_option("[name=attack]", "fog")
    press(page, ",")
    assert (value(page, "severity"), value(page, "steps")) == ("2", "11")


def test_heat_and_landmarks_appear(page):
    press(page, "h")
    press(page, "l")
    page.wait_for_selector(".heat[src^='data:']")
    page.locator(".meta", has_text="blinks").wait_for()


def test_freeze_stops_the_picture_and_settings_still_count(page):
    press(page, "Space")
    assert page.get_attribute("[data-do=freeze]", "aria-pressed") == "true"
    page.wait_for_timeout(500)
    page.select_option("[name=attack]", "")
    page.wait_for_selector(".face .now", state="hidden")
    press(page, "Space")
    assert page.get_attribute("[data-do=freeze]", "aria-pressed") == "false"


def test_picture_is_saved(page):
    with page.expect_download() as download:
        press(page, "s")
    assert download.value.suggested_filename.endswith(".png")


def test_recording_ends_in_a_summary(page, browser):
    press(page, "r")
    page.wait_for_selector("[data-do=record][aria-pressed=true]")
    page.wait_for_timeout(1500)
    press(page, "r")
    page.wait_for_selector("#recorded a")
    with page.expect_popup() as popup:
        page.click("#recorded a")
    popup.value.wait_for_selector("svg rect.theirs")
    assert "the most frequent prediction" in popup.value.inner_text("h1")


@pytest.fixture
def watched(browser):
    """A page whose camera and sockets can be looked at."""
    with watched_page(browser) as page:
        yield page


def wait_until(page, condition):
    """`wait_for_function` needs an eval that the page's policy forbids."""
    began = time.monotonic()
    while not page.evaluate(condition):
        assert time.monotonic() - began < PATIENCE / 1000, condition
        page.wait_for_timeout(50)


def test_switch_turns_single_keys_off(page):
    assert page.is_visible("kbd >> nth=0")
    page.uncheck("[name=keys]")
    press(page, "m")
    press(page, "Space")
    assert value(page, "model") == "tiny.fer"
    assert page.get_attribute("[data-do=freeze]", "aria-pressed") == "false"
    assert not page.is_visible("kbd >> nth=0")
    page.check("[name=keys]")
    press(page, "m")
    assert value(page, "model") == "tiny.ferplus"


def test_letters_in_a_list_choose_in_it_and_space_presses_what_has_the_focus(page):
    page.focus("[name=defence]")
    page.keyboard.press("b")
    assert (value(page, "defence"), value(page, "second")) == ("bits3", "tiny.ferplus")
    page.focus("[name=round]")
    page.keyboard.press("Space")
    assert value(page, "round")
    assert page.get_attribute("[data-do=freeze]", "aria-pressed") == "false"


def test_choosing_a_clip_closes_the_camera_at_once(watched, address):
    watched.goto(address)
    watched.wait_for_selector(".face")
    assert watched.evaluate(ENDED) is False
    watched.select_option("[name=source]", "file")
    assert watched.evaluate(ENDED)


def test_camera_that_is_allowed_too_late_is_closed(watched, address):
    watched.add_init_script("window.allowed = new Promise((yes) => { window.allow = yes; });")
    watched.goto(address)
    watched.wait_for_selector("#notice:not([hidden])")
    watched.select_option("[name=source]", "file")
    watched.evaluate("allow()")
    wait_until(watched, ENDED)
    assert "Choose a clip" in watched.inner_text("#notice p")
    assert watched.locator(".face").count() == 0


def test_lost_connection_ends_the_recording_and_shows_its_summary(watched, address):
    watched.goto(address)
    watched.wait_for_selector(".face")
    press(watched, "r")
    watched.wait_for_selector("[data-do=record][aria-pressed=true]")
    watched.evaluate("sockets.at(-1).close()")
    watched.wait_for_selector("[data-do=record][aria-pressed=false]")
    assert "The connection was lost" in watched.inner_text("#recorded")
    assert "/session/" in watched.get_attribute("#recorded a", "href")
    wait_until(watched, "sockets.length == 2 && sockets[1].readyState == 1")
    press(watched, "r")
    watched.wait_for_selector("[data-do=record][aria-pressed=true]")


def test_picture_by_address_closes_the_camera(watched, engine):
    with served(make_app(engine, allow_url=True)) as address:
        watched.goto(f"http://{address}/photo")
        watched.click("#take")
        watched.wait_for_selector("#drop video")
        watched.fill("[name=url]", "http://127.0.0.1/me.png")
        watched.click("#by-url button")
        wait_until(watched, ENDED)
        assert watched.locator("#drop video").count() == 0
        assert watched.inner_text("#take") == "Use the camera"
        watched.wait_for_selector("#message.error")


def test_phone_has_no_sideways_scrolling(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    for path in ("/", "/photo"):
        page.goto(address + path)
        page.wait_for_timeout(800)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_no_camera_says_what_to_do(launch, address):
    browser = launch()
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("#notice button")
    assert "camera" in page.inner_text("#notice p")
    assert page.locator("#notice button").count() == 2
    browser.close()


def test_photo_page_reads_attacks_and_offers_the_picture(browser, address, portrait, tmp_path):
    path = tmp_path / "me.png"
    cv2.imwrite(str(path), portrait[..., ::-1])
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/photo")
    page.set_input_files("#file", path)
    page.wait_for_selector(".face")
    page.fill("[name=eps]", "16")
    page.click("#attack-it")
    page.wait_for_selector("#survival tbody tr:nth-child(4)")
    assert page.locator("#downloads a").count() == 2
    with page.expect_download() as download:
        page.click("#downloads a:first-child")
    assert download.value.path().read_bytes()[:4] == b"\x89PNG"
    page.close()


@pytest.mark.parametrize(("label", "drawn"), [("disgust", True), (None, False)])
def test_label_on_the_adversarial_picture_is_the_one_predicted_for_it(
    browser, address, portrait, tmp_path, monkeypatch, label, drawn
):
    """Not that of the face attacked alone, which the cards show."""
    path = tmp_path / "me.png"
    cv2.imwrite(str(path), portrait[..., ::-1])
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(
        "window.written = []; const draw = CanvasRenderingContext2D.prototype.fillText;"
        "CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {"
        " window.written.push(text); return draw.call(this, text, ...rest); };"
    )
    line = {"number": 1, "label": label, "probability": 0.4321, "fooled": False}
    monkeypatch.setattr(photo, "_again", lambda *arguments: [line])
    page.goto(f"{address}/photo")
    page.set_input_files("#file", path)
    page.wait_for_selector(".face")
    assert page.is_hidden("#alone")
    page.evaluate("written.length = 0")
    page.click("#attack-it")
    page.wait_for_selector("#survival tbody tr:nth-child(4)")
    (*words,) = page.evaluate("written")
    assert [word.split(" ", 1)[1] for word in words] == ["disgust 43 %"] * drawn
    assert "attacked alone" in page.inner_text("#alone")
    assert "attacked alone" in page.inner_text("#faces .face")
    page.close()


def test_renamed_exe_is_said_on_the_photo_page(browser, address, tmp_path):
    path = tmp_path / "me.jpg"
    path.write_bytes(b"MZ" + bytes(1000))
    page = browser.new_page()
    page.goto(f"{address}/photo")
    page.set_input_files("#file", path)
    page.wait_for_selector("#message.error")
    assert "not a JPEG" in page.inner_text("#message")
    page.close()
