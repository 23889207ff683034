"""Pictures by address: private addresses, redirects and sizes; no name server, no network."""

import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from live.server import fetch as fetch_module
from live.server.fetch import fetch, is_public, public_address
from live.server.images import MOST_BYTES, ImageError

PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "0.0.0.0",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2001:0:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_known(address):
    assert is_public(address)


def answers(monkeypatch, *addresses):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    answers(monkeypatch, "93.184.216.34", "10.0.0.1")
    with pytest.raises(ImageError, match="private") as refused:
        public_address("both.example", 80)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "http://localhost/a.png",
        "http://[::1]/a.png",
        "http://2130706433/",
    ],
)
def test_this_machine_is_refused_under_any_name(url):
    with pytest.raises(ImageError, match=r"private|No such host"):
        fetch(url)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://example.com/a", "http://example.com:22/", "gopher://x/",
        "http://user:pass@example.com/", "//example.com", "http://", "http://[::1", "nonsense",
    ],
)  # fmt: skip
def test_other_schemes_ports_and_names_are_refused(url):
    with pytest.raises(ImageError, match="http"):
        fetch(url)


class _Page(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self):
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        self.send_response(404 if self.path == "/none" else 200)
        self.end_headers()
        self.wfile.write(bytes(MOST_BYTES + 2) if self.path == "/large" else b"picture")

    def log_message(self, *args):
        pass


@pytest.fixture
def web(monkeypatch):
    """`http://web.example` is a server of this test; its private address passes as a public one."""
    server = HTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(fetch_module.PORTS, "http", server.server_port)
    real = public_address

    def only_web(host, port):
        return "127.0.0.1" if host == "web.example" else real(host, port)

    monkeypatch.setattr(fetch_module, "public_address", only_web)
    yield "http://web.example"
    server.shutdown()
    server.server_close()


def test_picture_is_fetched_also_behind_a_redirect(web):
    assert fetch(f"{web}/a.png") == b"picture"
    assert fetch(f"{web}/to//a.png") == b"picture"


def test_redirect_into_this_machine_is_refused(web):
    with pytest.raises(ImageError, match="private"):
        fetch(f"{web}/to/http://127.0.0.1/a.png")


def test_redirect_to_a_file_is_refused(web):
    with pytest.raises(ImageError, match="http"):
        fetch(f"{web}/to/file:///etc/passwd")


def test_endless_redirects_end(web):
    with pytest.raises(ImageError, match="redirects more"):
        fetch(f"{web}/to//to//to//to//to//a.png")


@pytest.mark.parametrize(("path", "words"), [("/none", "404"), ("/large", "MB")])
def test_other_answers_are_said(web, path, words):
    with pytest.raises(ImageError, match=words):
        fetch(web + path)


def test_silent_host_is_said(monkeypatch):
    answers(monkeypatch, "93.184.216.34")

    def refuse(self):
        raise ConnectionRefusedError

    monkeypatch.setattr(fetch_module._Pinned, "connect", refuse)
    with pytest.raises(ImageError, match="does not respond"):
        fetch("http://silent.example/")
    assert issubclass(fetch_module._Pinned, http.client.HTTPConnection)
