"""Hostile words of a command line, of an action's inputs and of Python's arguments."""

from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.options import read_options
from attacks.threat_model import parse_eps, parse_norm
from datasets.emotion_names import check_other, emotion_of
from datasets.faceset import Split
from evaluation.config import RunConfig
from evaluation.configure import configure
from evaluation.gates.fail_under import parse_requirement
from evaluation.request import RunRequest
from evaluation.tracking.target import parse_target
from fer_models.defences.registry import parse_defence
from fer_models.smoothing.named import parse_smoothers
from fer_models.zoo import resolve
from tests.fuzz.hostile import damage, damaged, inputs, survives


def _configured(**options: object) -> RunConfig:
    request = RunRequest(**{"models": "tiny.fer", **options})  # type: ignore[arg-type]
    return configure(request, Split.SAMPLE, ("fer",))


WORDS = {
    "eps": (parse_eps, "8/255"),
    "norm": (parse_norm, "linf"),
    "fail-under": (parse_requirement, "robust_accuracy@4/255=0.25"),
    "track": (parse_target, "mlflow:http://user:word@127.0.0.1:5000"),
    "defence": (parse_defence, "jpeg75"),
    "smoothing": (parse_smoothers, "repeater:5,mean:12,hmm:0.99"),
    "models": (resolve, "simple_cnn.fer+jpeg75+bits3,starter"),
    "option": (lambda text: read_options("pgd", [text]), "steps=40"),
    "grid": (lambda text: _configured(eps=text), "1/255,2/255,4/255"),
    "labels": (lambda text: _configured(labels=text), "fer,ferplus"),
    "certify": (lambda text: _configured(certify=text), "0.1,0.25"),
    "tier": (lambda text: _configured(tier=text), "quick"),
    "emotion": (emotion_of, "happiness"),
}
"""What reads a text, and a whole one."""


def test_whole_texts_are_read():
    for name, (read, whole) in WORDS.items():
        if name == "track" and not find_spec("mlflow"):
            continue  # needs the extra
        read(whole)
    check_other("boredom")


@pytest.mark.parametrize("name", WORDS)
@inputs(len(WORDS))
@given(steps=damage, other=st.none() | st.text())
def test_texts(name, steps, other):
    read, whole = WORDS[name]
    text = damaged(whole.encode(), steps).decode("utf-8", "replace") if other is None else other
    survives(lambda: read(text))
