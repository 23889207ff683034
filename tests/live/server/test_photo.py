"""Photographs: what they answer, what is refused, what an attack leaves of them."""

import base64
import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from datasets.labels import FER7
from fer_models.classifier import Classifier
from live.engine import Engine
from live.model_loader import ModelLoader
from live.server.app import make_app
from live.server.images import MOST_BYTES
from tests.live.server.pictures import encoded, gif_of, png_header, send


class Blind(Classifier):
    """A black box that likes bright corners."""

    id, scheme, weights_sha256 = "blind.fer", FER7, "0"

    def _batch_logits(self, images):
        return images[:, 0, :7, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_photo_answers_named_probabilities(client, portrait, kind):
    answer = send(client, encoded(portrait, kind))
    assert answer.status_code == 200
    (face,) = answer.json["faces"]
    assert set(face["box"]) == {"x", "y", "width", "height"}
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert face["label"] == max(face["probabilities"], key=face["probabilities"].get)
    assert (answer.json["width"], answer.json["model"]) == (256, "tiny.fer")


def test_photo_of_megabytes_is_read(client, portrait):
    large = np.repeat(np.repeat(portrait, 4, axis=0), 4, axis=1)
    noisy = large ^ np.random.default_rng(0).integers(0, 4, large.shape, np.uint8)
    data = encoded(noisy, "PNG")
    assert len(data) > 2**20
    assert len(send(client, data).json["faces"]) == 1


def test_photo_without_a_face_has_no_faces(client):
    grey = np.full((64, 64, 3), 128, np.uint8)
    answer = send(client, encoded(grey))
    assert (answer.status_code, answer.json["faces"]) == (200, [])


def test_sideways_photo_is_turned_by_its_exif(client, portrait):
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is on the right
    wide = np.ascontiguousarray(np.rot90(portrait[:, 20:236]))
    assert len(send(client, encoded(wide, exif=exif)).json["faces"]) == 1


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (png_header(20_000, 20_000), 413, "pixels"),
        (png_header(9_000, 9_000), 413, "9000x9000"),
        (b"MZ\x90\x00" + bytes(2000), 415, "not a JPEG"),
        (b"", 415, "not a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not a JPEG"),
        (encoded(np.zeros((100, 100, 3), np.uint8))[:400], 400, "damaged"),
        (png_header(64, 64), 400, "damaged"),
        (encoded(np.zeros((4, 4, 3), np.uint8)), 400, "too few"),
        (bytes(MOST_BYTES + 1), 413, "MB"),
        (bytes(MOST_BYTES + 2**20), 413, "too large"),
    ],
    ids=["huge", "large", "exe", "empty", "svg", "cut", "hollow", "tiny", "heavy", "heavier"],
)
def test_bad_photo_is_refused_in_words_and_the_server_lives(client, portrait, data, status, words):
    answer = send(client, data)
    assert answer.status_code == status
    assert words in answer.json["error"]
    assert send(client, encoded(portrait)).status_code == 200


def test_only_the_first_of_many_frames_is_decoded(client):
    """3000 frames of 600x600 would take a gigabyte."""
    data = gif_of(300)
    assert send(client, data).status_code == 200


def test_request_without_a_photo_is_refused(client):
    answer = client.post("/api/photo", data={}, headers={"Host": "localhost"})
    assert (answer.status_code, "photo" in answer.json["error"]) == (400, True)


def test_wrong_settings_of_a_photo_are_refused(client, portrait):
    answer = send(client, encoded(portrait), eps=900)
    assert answer.status_code == 400
    assert "`eps`" in answer.json["error"]
    answer = send(client, encoded(portrait), model="nobody")
    assert "no model" in answer.json["error"]


def test_attacked_photo_comes_with_manifest_and_survival(client, portrait):
    data = encoded(portrait, "PNG")
    answer = send(client, data, "/api/photo/attack", attack="pgd", eps=16)
    assert answer.status_code == 200
    manifest = answer.json["manifest"]
    assert (manifest["eps"], manifest["perturbation"], manifest["norm"]) == (
        "16/255",
        "pgd",
        "linf",
    )
    assert manifest["faces"][0]["label"] != manifest["faces"][0]["attacked_label"]
    assert answer.json["survival"][0]["handling"] == "saved with 8 bits"
    assert all(len(line["faces"]) == 1 for line in answer.json["survival"])
    png = base64.b64decode(answer.json["picture"].partition(",")[2])
    assert hashlib.sha256(png).hexdigest() == manifest["sha256"]
    changed = np.asarray(Image.open(io.BytesIO(png))).astype(int) - portrait
    assert 0 < np.abs(changed).max() <= 16


def test_attacked_photo_survives_what_pictures_go_through(client, portrait):
    data = encoded(portrait, "PNG")
    answer = send(client, data, "/api/photo/attack", attack="pgd", eps=16, steps=20)
    assert [line["faces"][0]["fooled"] for line in answer.json["survival"]] == [True] * 4


@pytest.mark.parametrize(("attack", "eps"), [("universal", "8/255"), ("sticker", "1")])
def test_what_was_learnt_ahead_is_painted_into_the_photo(client, portrait, attack, eps):
    data = encoded(portrait, "PNG")
    answer = send(client, data, "/api/photo/attack", attack=attack, eps=8)
    assert answer.status_code == 200
    assert answer.json["note"] == ""
    assert (answer.json["manifest"]["eps"], answer.json["manifest"]["steps"]) == (eps, None)
    png = base64.b64decode(answer.json["picture"].partition(",")[2])
    changed = np.abs(np.asarray(Image.open(io.BytesIO(png))).astype(int) - portrait)
    assert 0 < changed.max() <= (8 if attack == "universal" else 255)


def test_manifest_names_no_target_of_what_cannot_be_aimed(client, portrait):
    data = encoded(portrait, "PNG")
    answer = send(client, data, "/api/photo/attack", attack="noise", target="happy")
    assert answer.json["manifest"]["target"] is None
    answer = send(client, data, "/api/photo/attack", attack="fgsm", target="happy")
    assert answer.json["manifest"]["target"] == "happy"


def test_a_painted_photo_stays_within_eps_in_whole_levels(client, portrait):
    """A change of 1.6 levels is 1 in a file; rounded to the nearest it was 2, beyond eps."""
    answer = send(
        client, encoded(portrait, "PNG"), "/api/photo/attack", attack="universal", eps=1.6
    )
    assert answer.json["manifest"]["eps"] == "1.6/255"
    png = base64.b64decode(answer.json["picture"].partition(",")[2])
    changed = np.abs(np.asarray(Image.open(io.BytesIO(png))).astype(int) - portrait)
    assert changed.max() == 1


def test_attack_that_could_not_be_made_is_refused(portrait):
    """Gradients of a black box: no picture claims an attack. Noise and corruptions need none."""
    blind = ModelLoader(["blind.fer"])
    blind.add(Blind())
    client, data = make_app(Engine(blind)).test_client(), encoded(portrait, "PNG")
    refused = send(client, data, "/api/photo/attack", attack="pgd")
    assert (refused.status_code, list(refused.json)) == (400, ["error"])
    assert "needs gradients and blind.fer has none" in refused.json["error"]
    for attack in ("noise", "fog"):
        assert send(client, data, "/api/photo/attack", attack=attack).status_code == 200
    nobody = encoded(np.full((64, 64, 3), 128, np.uint8))
    assert send(client, nobody, "/api/photo/attack", attack="pgd").json["faces"] == []


def test_photo_attack_needs_an_attack(client, portrait):
    small = encoded(np.zeros((28, 28, 3), np.uint8))  # half of it is too small for a detector
    answer = send(client, small, "/api/photo/attack", attack="pgd")
    assert (answer.status_code, answer.json["faces"]) == (200, [])
    assert send(client, encoded(portrait), "/api/photo/attack").status_code == 400
