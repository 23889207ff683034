"""Hostile requests and messages to the live server: each is answered, and none with a fault."""

import io
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.reading import Reading
from live.server.app import make_app
from live.server.sessions import Sessions
from live.server.viewer import MOST_COMMAND, Arrival, Viewer
from live.settings import Settings
from tests.fuzz.hostile import damage, damaged, fuzz, inputs, survives
from tests.fuzz.test_pictures import WHOLE


class Seeing:
    """An engine that finds no faces; loading a model is no reading of hostile input."""

    first = "tiny.fer"
    models = SimpleNamespace(
        ids=["tiny.fer"], choices=[], counterpart=lambda _: "", wait=lambda _: SimpleNamespace(),
        wait_precomputed=lambda *_: None, try_again=lambda _: None,
    )  # fmt: skip

    def defaults(self, settings: Settings) -> Settings:
        return settings if settings.model else settings.model_copy(update={"model": self.first})

    def pipeline(self, *_: Any) -> None:
        return None

    def read(self, _: Any, image: np.ndarray, *__: Any) -> Reading:
        assert image.dtype == np.uint8 and image.ndim == 3
        return Reading(image.shape[1], image.shape[0], (), "", False, {})


class Socket:
    """Keeps what a viewer is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, data: str) -> None:
        self.sent.append(json.loads(data))


@pytest.fixture(scope="module")
def client():
    app: Any = make_app(Seeing())
    return app.test_client()


SETTINGS = json.dumps({"model": "tiny.fer", "defence": "bits3", "eps": 4.5, "many": True})
_BOUNDARY = b"here"
_FORM = b"".join(
    [
        b'--here\r\nContent-Disposition: form-data; name="settings"\r\n\r\n',
        SETTINGS.encode(),
        b'\r\n--here\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n',
        b"Content-Type: image/png\r\n\r\n",
        WHOLE["PNG"],
        b"\r\n--here--\r\n",
    ]
)


def post(client: Any, body: bytes, kind: str = "multipart/form-data; boundary=here") -> None:
    answer = client.post("/api/photo", data=body, content_type=kind)
    assert answer.status_code in (200, 400, 403, 413, 415), answer.get_data(as_text=True)
    words = answer.get_json()
    assert isinstance(words, dict)
    assert answer.status_code == 200 or "\n" not in words["error"].strip()


def test_a_whole_form_is_read(client):
    answer = client.post(
        "/api/photo", data=_FORM, content_type="multipart/form-data; boundary=here"
    )
    assert answer.get_json()["width"] == 48


@fuzz
@given(steps=damage, inside=st.booleans())
def test_forms_with_photographs(client, steps, inside):
    if inside:
        fields = {
            "settings": damaged(SETTINGS.encode(), steps),
            "photo": (io.BytesIO(damaged(WHOLE["JPEG"], steps)), "a.jpg"),
        }
        survives(lambda: client.post("/api/photo", data=fields).get_json())
    survives(lambda: post(client, damaged(_FORM, steps)))


@fuzz
@given(steps=damage, kind=st.text(st.characters(codec="latin-1", exclude_characters="\r\n")))
def test_forms_of_another_kind(client, steps, kind):
    survives(lambda: post(client, damaged(_FORM, steps), f"multipart/form-data; {kind}"))


COMMANDS = (
    {"settings": {"attack": "pgd", "steps": 3}},
    {"source": "server"},
    {"record": True, "settings": {"eps": 1e300}},
)


@inputs()
@given(steps=damage, which=st.integers(0, 2), frame=st.sampled_from(sorted(WHOLE)))
def test_messages_of_a_viewer(steps, which, frame):
    socket = Socket()
    viewer = Viewer(socket, Seeing(), None, Sessions())
    text = damaged(json.dumps(COMMANDS[which]).encode(), steps).decode("utf-8", "replace")
    survives(lambda: viewer._obey(text))
    survives(lambda: viewer._answer(Arrival(1, damaged(WHOLE[frame], steps), 0)))
    assert all(sent["kind"] in ("frame", "recording", "error") for sent in socket.sent)
    told = [sent["error"] for sent in socket.sent if sent["kind"] == "error"]
    assert not [words for words in told if "cannot be processed" in words], told
    assert len(text) <= MOST_COMMAND or told
