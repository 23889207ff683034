"""Pages in headless Chromium whose camera and sockets a test can look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
PATIENCE = 60_000
WITNESS = """
window.streams = []; window.sockets = [];
const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);
window.allowed = Promise.resolve();
media.getUserMedia = async (what) => {
  await window.allowed;
  const stream = await ask(what);
  window.streams.push(stream);
  return stream;
};
window.WebSocket = class extends WebSocket {
  constructor(...parts) { super(...parts); window.sockets.push(this); }
};
"""
"""Keeps every camera stream and socket that the page opens; the camera waits for `allowed`."""


@contextmanager
def watched_page(browser: Any) -> Iterator[Any]:
    """A page in which `WITNESS` runs first; closed afterwards."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WITNESS)
    yield page
    page.close()
