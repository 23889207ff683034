"""The live benchmark: which second classifier it measures, and what it says of bad models."""

import json
import re

import pytest

from benchmarks import live
from datasets.base.errors import InputError


@pytest.mark.parametrize(
    ("model", "seconds"),
    [
        ("mini_xception.fer", ["mini_xception.ferplus"]),
        ("mini_xception.ferplus", ["mini_xception.fer"]),
        ("dexpression.fer", []),
    ],
)
def test_second_classifier_is_that_of_the_other_label_set(model, seconds, monkeypatch):
    asked = []

    def paced(address, frames, settings, duration):
        asked.append(settings)
        return live.Pace(10.0, [1.0])

    monkeypatch.setattr(live, "_paced", paced)
    monkeypatch.setattr(live, "_flooded", paced)
    monkeypatch.setattr(live, "CLIENTS", 2)
    lines = live._measure("", [], model, 1.0)
    assert [settings["second"] for settings in asked if "second" in settings] == seconds
    assert [name for name, _ in lines if "beside" in name] == [
        f"FGSM beside `{second}`" for second in seconds
    ]
    assert {settings["model"] for settings in asked} == {model}


def test_unknown_model_is_refused_before_a_server_is_started(monkeypatch):
    monkeypatch.delattr(live, "_server")
    with pytest.raises(InputError, match="a model must be"):
        live.main(model="typo")


def test_server_that_does_not_start_is_said(capfd):
    with (
        pytest.raises(InputError, match="exited before it accepted connections"),
        live._server("typo"),
    ):
        pass
    assert "got 'typo'" in capfd.readouterr().err


def test_what_the_server_refuses_is_said(monkeypatch):
    class Refusing:
        def __init__(self, address, receive_bytes):
            pass

        def send(self, message):
            pass

        def receive(self):
            return json.dumps({"kind": "error", "error": "weights.npz: expected sha256 0a"})

    monkeypatch.setattr("simple_websocket.Client", Refusing)
    with pytest.raises(InputError, match=r"weights\.npz: expected"):
        live._connect("ws://", {}, b"")


@pytest.mark.slow
def test_first_answer_is_the_first_that_lacks_nothing(monkeypatch):
    """Of a real server, with the settings of the page: FGSM, and a second classifier."""
    name, text = live._first_answer(live._frames(None)[0], "mini_xception.fer")
    assert name == "first answer, FGSM beside `mini_xception.ferplus`"
    assert re.fullmatch(r"\d+\.\d\d s after the page is requested, to frame \d+", text)
