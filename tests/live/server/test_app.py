"""The server's pages, and the address that it listens on."""

import re
import socket

import pytest

from datasets.base.errors import InputError
from live.server.app import serve


def test_pages_name_what_they_offer(client):
    for path in ("/", "/photo", "/clip"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "tiny.ferplus" in answer.text and "gaussian_noise" in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/static/live.js").status_code == 200
    assert client.get("/favicon.ico").status_code == 200


def test_modules_that_the_live_page_loads_early_are_those_that_it_imports(client):
    early = set(re.findall(r'modulepreload" href="([^"]+)"', client.get("/").text))
    found, waiting = set(), ["/static/live.js"]
    while waiting:
        names = re.findall(r'from "\./([^"]+)"', client.get(waiting.pop()).text)
        new = {f"/static/{name}" for name in names} - found
        found |= new
        waiting += new
    assert early == found


def test_address_that_cannot_be_listened_on_is_one_line_with_its_reason(app, capfd):
    words = r"Address already in use\)\. Choose another --port"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match=words):
        serve(app, "127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InputError, match="cannot listen on"):
        serve(app, 70 * "x", 0)  # no name of the internet has a part so long
    assert capfd.readouterr().err == ""
