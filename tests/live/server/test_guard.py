"""Who is turned away: other pages, other names of this machine, viewers without the token."""

import pytest

from live.server.app import make_app
from live.server.guard import COOKIE, is_loopback


def test_pictures_by_address_are_off(client):
    answer = client.post("/api/photo", data={"url": "http://example.com/a.png"})
    assert (answer.status_code, "--allow-url" in answer.json["error"]) == (403, True)


@pytest.mark.parametrize("path", ["/", "/ws", "/api/photo", "/api/clip", "/session/x"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://[x", "http://127.0.0.1:1"]
)
def test_foreign_origin_is_turned_away(client, path, origin):
    headers = {"Origin": origin, "Host": "127.0.0.1:8765"}
    call = client.post if path.startswith("/api") else client.get
    assert call(path, headers=headers).status_code == 403


def test_own_origin_and_no_origin_pass(client):
    for headers in ({"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:8765"}, {}):
        assert client.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.4"])
def test_foreign_name_for_this_machine_is_turned_away(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 403


def test_token_is_needed_elsewhere(engine):
    client = make_app(engine, token="sesame").test_client()
    assert client.get("/").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    assert client.get("/ws").status_code == 401
    assert client.post("/api/photo").status_code == 401
    assert client.get("/photo", headers={"Authorization": "Bearer sesame"}).status_code == 200
    welcome = client.get("/?token=sesame")
    assert (welcome.status_code, welcome.location) == (302, "/")
    cookie = welcome.headers["Set-Cookie"]
    assert COOKIE in cookie and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_addresses_of_this_machine_alone(host, alone):
    assert is_loopback(host) is alone
