"""Hostile files that models, trainings and runs keep: cards, settings, caches, logits, answers."""

import json

import numpy as np
import pytest
from hypothesis import given

from attacks.base import Cost
from attacks.transfer_images import TransferImages
from evaluation.verify import _from_npz as read_claim
from fer_models.cards import CARDS, read_card
from fer_models.hub.folder_contract import said_by_folder
from fer_models.hub.hugging_face import CONFIG, PREPROCESSOR, WEIGHTS
from fer_models.identity import read_fingerprints
from fer_models.services.answer_cache import FILE, AnswerCache, Queries
from fer_models.training.loop import read_history
from fer_models.training.settings import read_run
from tests.fuzz.hostile import damage, damaged, fuzz, inputs, survives

CARD = (CARDS / "tiny.fer.json").read_bytes()


@fuzz
@given(steps=damage)
def test_cards(tmp_path, steps):
    path = tmp_path / "card.json"
    path.write_bytes(damaged(CARD, steps))
    survives(lambda: read_card(path), tmp_path)


def _settings() -> bytes:
    card = json.loads(CARD)
    names = ("id", "recipe", "precision", "seed", "training_rule", "start_from", "data_sha256")
    return json.dumps({name: card[name] for name in names} | {"final": True}).encode()


@fuzz
@given(steps=damage)
def test_settings_of_a_training(tmp_path, steps):
    path = tmp_path / "settings.json"
    path.write_bytes(damaged(_settings(), steps))
    survives(lambda: read_run(path), tmp_path)


@fuzz
@given(steps=damage)
def test_histories_of_a_training(tmp_path, steps):
    path = tmp_path / "history.csv"
    path.write_bytes(damaged(b"epoch,loss,accuracy\r\n1,1.9,0.25\r\n2,1.5,0.41\r\n", steps))
    survives(lambda: read_history(path), tmp_path)


HUGGING_FACE = {
    CONFIG: {"id2label": {"0": "happy", "1": "sad"}, "num_channels": 3, "image_size": 224},
    PREPROCESSOR: {
        **{"do_resize": True, "size": {"height": 224, "width": 224}, "resample": 2},
        **{"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True},
        **{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "crop_pct": 0.9},
    },
}


@pytest.mark.parametrize("name", HUGGING_FACE)
@inputs(len(HUGGING_FACE))
@given(steps=damage)
def test_folders_of_hugging_face(name, tmp_path, steps):
    for file, content in HUGGING_FACE.items():
        data = json.dumps(content).encode()
        (tmp_path / file).write_bytes(damaged(data, steps) if file == name else data)
    (tmp_path / WEIGHTS[0]).write_bytes(b"")
    survives(lambda: said_by_folder(str(tmp_path)), tmp_path)


@fuzz
@given(steps=damage)
def test_fingerprints(tmp_path, steps):
    path = tmp_path / "fingerprints.json"
    path.write_bytes(damaged(b'{"tiny.fer": [[0.5, -1.5], [2.0, 0.25]]}', steps))
    survives(lambda: read_fingerprints(path), tmp_path)


@fuzz
@given(steps=damage)
def test_answers_of_services_on_disk(tmp_path, steps):
    path = tmp_path / FILE
    path.unlink(missing_ok=True)
    cache = AnswerCache(tmp_path, "service")
    cache.write({"image": np.arange(7.0)}, Queries(1, 0, 0))
    cache._base.close()
    path.write_bytes(damaged(path.read_bytes(), steps))
    again = AnswerCache(tmp_path, "service")
    survives(again.queries)
    survives(lambda: again.read(["image", "other"]))
    if again._connection is not None:
        again._connection.close()


@fuzz
@given(steps=damage)
def test_images_of_surrogates(tmp_path, steps):
    made, names = TransferImages(tmp_path), np.array(["a" * 32, "b" * 32])
    images = np.zeros((2, 4, 4, 1), np.float32)
    made.add(names, images, Cost.zeros(2))
    (path,) = tmp_path.glob("*.npz")
    path.write_bytes(damaged(path.read_bytes(), steps))
    survives(lambda: TransferImages(tmp_path).missing(names), tmp_path)


@fuzz
@given(steps=damage)
def test_claims_of_others(tmp_path, steps):
    path, images = tmp_path / "claim.npz", np.full((2, 4, 4, 1), 0.5)
    rows = np.arange(2)
    np.savez(path, clean=images, adversarial=images, labels=rows, rows=rows)
    path.write_bytes(damaged(path.read_bytes(), steps))
    survives(lambda: read_claim(path, "linf", "8/255"), tmp_path)
