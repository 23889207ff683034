"""Hostile settings and messages: tiers, contracts, service files, answers, commands of a viewer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.tiers import TIER_FILES, read_tier
from fer_models.foreign.contract_file import read_contract, read_partial
from fer_models.services.answer import AnswerError, read_answer
from fer_models.services.service_file import ServiceFile, read_service_file
from live.server.viewer import Command
from live.settings import Settings, checked, parse_settings
from tests.fuzz.hostile import damage, damaged, fuzz, inputs, survives

CLASSES = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
CONTRACT = {
    **{"classes": CLASSES, "height": 48, "width": 48, "channels": 1, "low": -1, "high": 1},
    **{"mean": [0.5], "std": [0.5], "output": "probabilities", "crop_share": 0.875},
    **{"steps": ["equalise"], "columns": [0, 1, 2, 3, 4, 5, 6]},
}
CONTRACT_TOML = "\n".join(f"{name} = {json.dumps(value)}" for name, value in CONTRACT.items())
SERVICE = f"""url = "http://127.0.0.1:8000/predict?key=1"
send = "base64"
scores = "predictions[*].scores"
output = "probabilities"
classes = {json.dumps(CLASSES)}
batch = 8
timeout = 3.5
body = {{ instances = [{{ data = "$image" }}] }}
headers_from = {{ Authorization = "TOKEN" }}
"""


@fuzz
@given(steps=damage)
def test_tiers(tmp_path, steps):
    path = tmp_path / "own.toml"
    path.write_bytes(damaged((TIER_FILES / "smoke.toml").read_bytes(), steps))
    survives(lambda: read_tier(path), tmp_path)


@pytest.mark.parametrize("ending", ["json", "toml"])
@inputs(2)
@given(steps=damage)
def test_contracts(ending, tmp_path, steps):
    path = tmp_path / f"net.onnx.contract.{ending}"
    whole = json.dumps(CONTRACT) if ending == "json" else CONTRACT_TOML
    path.write_bytes(damaged(whole.encode(), steps))
    survives(lambda: read_partial(path), tmp_path)
    survives(lambda: read_contract(path), tmp_path)


@fuzz
@given(steps=damage)
def test_service_files(tmp_path, steps):
    path = tmp_path / "service.http.toml"
    path.write_bytes(damaged(SERVICE.encode(), steps))
    survives(lambda: read_service_file(path), tmp_path)


def _service(**fields: object) -> ServiceFile:
    return ServiceFile.model_validate({"url": "http://127.0.0.1/", **fields})


SCORES = [0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05]
NAMED = [{"label": name, "score": score} for name, score in zip(CLASSES, SCORES)]
ANSWERS = {
    "scores": (
        _service(scores="predictions[*].scores", output="probabilities", classes=CLASSES),
        {"predictions": [{"scores": SCORES}, {"scores": SCORES}]},
    ),
    "named": (
        _service(scores="[*]", output="probabilities", classes=CLASSES),
        [NAMED, dict(zip(CLASSES, SCORES))],
    ),
    "unnamed": (_service(scores="[*]", output="logits"), [SCORES, SCORES]),
    "labels": (
        _service(label="faces[*].emotion", classes=CLASSES),
        {"faces": [{"emotion": 3}] * 2},
    ),
}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@pytest.mark.parametrize("kind", ANSWERS)
@inputs(len(ANSWERS))
@given(steps=damage, other=st.none() | _JSON)
def test_answers_of_services(kind, steps, other):
    service, answer = ANSWERS[kind]
    if other is None:
        data = damaged(json.dumps(answer).encode(), steps)
    else:  # another value in place of the first image's
        inside = answer if isinstance(answer, list) else next(iter(answer.values()))
        changed = [other, *inside[1:]]
        data = json.dumps(
            changed if isinstance(answer, list) else {name: changed for name in answer}
        ).encode()
    survives(lambda: read_answer(data, 2, service), documented=AnswerError)


COMMAND = {
    "settings": {"model": "vgg_small.fer", "attack": "pgd", "eps": 4.5, "steps": 3, "many": True},
    **{"source": "browser", "record": False},
}


@fuzz
@given(steps=damage, other=_JSON, raw=st.booleans())
def test_commands_of_a_viewer(steps, other, raw):
    data = damaged(json.dumps(COMMAND).encode(), steps) if raw else json.dumps(other).encode()
    text = data.decode("utf-8", "replace")
    survives(lambda: checked(Command, text))
    survives(lambda: parse_settings(text))
    survives(lambda: checked(Settings, data))
