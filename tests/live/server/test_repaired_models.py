"""A model whose load failed is loaded anew when it is chosen again, not with every frame."""

import json
from types import SimpleNamespace

import pytest

from datasets.base.errors import InputError
from live.engine import Engine
from live.server.app import make_app
from tests.live.server.pictures import encoded, send
from tests.live.server.socket_client import answer_of, connect
from tests.live.serving import served


@pytest.fixture
def failed(repairable):
    with pytest.raises(InputError, match="damaged"):
        repairable.wait("mine.fer")
    return repairable


def test_viewer_chooses_a_repaired_model_again(failed, portrait):
    def choose(model):
        socket.send(json.dumps({"settings": {"model": model}}))

    def answer():
        """The first one that waits for nothing."""
        while True:
            socket.send(encoded(portrait))
            found = answer_of(socket)
            if not found.get("busy"):
                return found

    with served(make_app(Engine(failed))) as address:
        socket = connect(address)
        choose("mine.fer")
        assert "mine.fer: the file is damaged" in answer()["error"]
        tries, failed.repaired = failed.tries, True
        choose("mine.fer")  # as with every other setting that the page changes
        assert "damaged" in answer()["error"] and failed.tries == tries
        choose("tiny.fer")
        choose("mine.fer")
        assert answer()["faces"][0]["answers"][0]["model"] == "mine.fer"
        socket.close()


def test_photo_is_read_by_a_repaired_model(failed, portrait):
    client, data = make_app(Engine(failed)).test_client(), encoded(portrait)
    assert "damaged" in send(client, data, model="mine.fer").json["error"]
    failed.repaired = True
    assert send(client, data, model="mine.fer").json["model"] == "mine.fer"


def test_clip_is_taken_for_a_repaired_model(failed):
    failed.repaired = True
    client = make_app(Engine(failed)).test_client()
    answer = client.post('/api/clip?settings={"model":"mine.fer"}', data=b"no clip")
    assert answer.json["error"].startswith("Expected a complete clip")


@pytest.mark.parametrize(
    "ask",
    [
        lambda models: models.wait("mine.fer"),
        lambda models: models.wait_precomputed(SimpleNamespace(id="blind.fer"), "sticker"),
    ],
    ids=["load", "attack"],
)
def test_error_that_every_frame_meets_keeps_none_of_them(failed, ask):
    """What its traceback holds is never freed: the picture of each frame, a megabyte."""
    lengths = set()
    for _ in range(3):
        with pytest.raises(InputError) as caught:
            ask(failed)
        lengths.add(len(caught.traceback))
    assert len(lengths) == 1
