"""Landmark net: points that follow their faces, and weights that are those measured."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from faces.landmarks import mean_shape
from fer_models import train_landmarks
from fer_models.architectures.landmark_net import (
    MESH_POINTS,
    MIRRORED,
    REGIONS,
    SHIPPED,
    LandmarkFiles,
    build_landmark_net,
    move_points,
    pretrained_landmarks,
)
from fer_models.architectures.registry import ARCHITECTURES
from fer_models.recipe import Recipe
from fer_models.training.augmentation import warped_views
from fer_models.weights import save_weights
from tests.datasets.factory import write_source

POINTS = mean_shape()[list(MESH_POINTS)]


def test_points_are_those_of_the_face() -> None:
    assert len(set(MESH_POINTS)) == 68
    middle = {name: POINTS[part].mean(axis=0) for name, part in REGIONS.items()}
    heights = [middle[name][1] for name in ("brows", "eyes", "nose", "mouth")]
    assert heights == sorted(heights)
    assert POINTS[8][1] == POINTS[:, 1].max()  # the chin


def test_mirrored_points_are_the_partners() -> None:
    assert [MIRRORED[i] for i in MIRRORED] == list(range(68))
    mirrored = (POINTS * [-1, 1] + [1, 0])[list(MIRRORED)]
    assert np.abs(mirrored - POINTS).max() < 0.05  # mean faces are nearly symmetric


def test_points_follow_the_pixels() -> None:
    """A bright spot on point 36 (an eye) is where the moved point, or its partner, then lies."""
    image = np.zeros((48, 48, 1), np.uint8)
    column, row = np.floor(POINTS[36] * 48).astype(int)
    image[row, column] = 255
    points = np.repeat(POINTS[None], 20, axis=0)
    points[:, 36] = (column + 0.5) / 48, (row + 0.5) / 48  # the middle of the pixel
    recipe = Recipe(epochs=1, shift=4, rotation=10, zoom=0.1, contrast=0)
    views, warps = warped_views(
        np.repeat(image[None], 20, axis=0), recipe, np.random.default_rng(0)
    )
    moved = move_points(points, warps, 48) * 48
    mirrored = np.linalg.det(warps[:, :, :2]) < 0
    assert 0 < mirrored.sum() < 20
    for view, face, is_mirrored in zip(views, moved, mirrored):
        spot = cv2.moments(view[..., 0])
        centre = np.array([spot["m10"], spot["m01"]]) / spot["m00"] + 0.5
        np.testing.assert_allclose(face[MIRRORED[36] if is_mirrored else 36], centre, atol=0.15)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> LandmarkFiles:
    folder = tmp_path_factory.mktemp("landmarks")
    files = LandmarkFiles(folder / "landmarks.npz", folder / "landmarks.json")
    save_weights(build_landmark_net(), files.weights)
    files.facts.write_text(json.dumps({"sha256": file_sha256(files.weights)}))
    return files


def test_pretrained_net_answers_points(files: LandmarkFiles) -> None:
    points = pretrained_landmarks(files)(np.zeros((2, 48, 48, 1), np.float32))
    assert points.shape == (2, 68, 2)


def test_other_weights_than_those_measured_are_refused(
    files: LandmarkFiles, tmp_path: Path
) -> None:
    other = LandmarkFiles(tmp_path / "landmarks.npz", files.facts)
    other.weights.write_bytes(files.weights.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"expected sha256 \w{12}\.\.\., found"):
        pretrained_landmarks(other)


@pytest.mark.parametrize("facts", ["", "[]", "{}"])
def test_damaged_facts_are_one_error(files: LandmarkFiles, tmp_path: Path, facts: str) -> None:
    (tmp_path / "facts.json").write_text(facts)
    with pytest.raises(InputError, match="Restore the files"):
        pretrained_landmarks(LandmarkFiles(files.weights, tmp_path / "facts.json"))


def test_missing_weights_are_one_error(files: LandmarkFiles, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected the landmark net"):
        pretrained_landmarks(LandmarkFiles(tmp_path / "none.npz", files.facts))


def test_shipped_net_is_small_and_near_the_mesh() -> None:
    facts = json.loads(SHIPPED.facts.read_text())
    assert SHIPPED.weights.stat().st_size < 1e6
    assert facts["error_px"] < 0.5 * facts["mean_shape_error_px"]
    pretrained_landmarks()


def test_errors_by_hand() -> None:
    true = np.zeros((2, 68, 2), np.float32)
    true[:, 42:48, 0] = 20  # the eyes are 20 pixels apart
    found = true.copy()
    found[0] += [3, 4]  # 5 pixels off everywhere; the other face is met exactly
    errors = train_landmarks._errors(found, true)
    assert errors["error_px"] == 2.5
    assert errors["error_interocular"] == 2.5 / 20
    assert errors["mean_shape_error_px"] == 0
    assert errors["publictest_faces"] == 2


@pytest.mark.slow
def test_training_learns_where_a_spot_is() -> None:
    """All 68 points lie on one bright spot, wherever a warp takes it."""
    rng = np.random.default_rng(0)
    middles = rng.uniform(0.3, 0.7, (256, 2))
    y, x = np.mgrid[:48, :48] + 0.5
    spots = [np.exp(-((x - 48 * a) ** 2 + (y - 48 * b) ** 2) / 30) for a, b in middles]
    images = np.round(255 * np.stack(spots))[..., None].astype(np.uint8)
    points = np.repeat(middles[:, None], 68, axis=1).astype(np.float32)
    keras.utils.set_random_seed(0)
    errors = train_landmarks._fit(build_landmark_net(), images, points, epochs=8, seed=0)
    still = 48 * np.abs(points - points.mean(axis=0)).mean()
    assert errors[-1] < 0.75 * still


@pytest.mark.parametrize("name", [n for n in ARCHITECTURES if n in ("hybrid", "emotional_dan")])
def test_nets_that_use_it_keep_it_frozen(name: str) -> None:
    from fer_models.architectures.registry import architecture

    model = architecture(name)[0]((48, 48, 1), 7)
    assert [w.path for w in model.trainable_weights if w.path.startswith("landmark_")] == []
    assert [w for w in model.weights if w.path.startswith("landmark_")]


def test_too_few_sure_faces_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = np.zeros((63, 48, 48, 1), np.uint8), np.zeros((63, 68, 2), np.float32)
    monkeypatch.setattr(train_landmarks, "_sure_faces", lambda faces: few)
    with pytest.raises(InputError, match=r"expected 64 Training .* found 63"):
        train_landmarks.main(write_source(tmp_path), out=tmp_path / "weights.npz")
    assert not (tmp_path / "weights.npz").exists()


def test_an_out_that_is_no_weights_file_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    for out, words in (
        (tmp_path / "net.keras", r"--out must end in \.npz"),
        (tmp_path / "none" / "net.npz", "existing folder"),
        (tmp_path, r"--out must end in \.npz"),
    ):
        with pytest.raises(InputError, match=words):
            train_landmarks.main(tmp_path / "no data", out=out)


def test_the_shipped_facts_claim_no_more_faces_than_were_learnt_from() -> None:
    """The mesh is not sure of every Training face, as it is not of PublicTest's 3,589."""
    facts = json.loads(SHIPPED.facts.read_text())
    assert facts["publictest_faces"] < 3589
    assert facts.get("training_faces", 0) < 28709


def test_the_facts_count_the_faces_that_were_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mesh is sure of all but four of the faces."""
    points = np.random.default_rng(0).random((60, 68, 2), np.float32)
    monkeypatch.setattr(
        train_landmarks, "_sure_faces", lambda faces: (faces.images[4:], points[: len(faces) - 4])
    )
    monkeypatch.setattr(train_landmarks, "RECIPE", replace(train_landmarks.RECIPE, batch_size=8))
    out = tmp_path / "weights.npz"
    train_landmarks.main(write_source(tmp_path / "data"), out=out, epochs=1)
    facts = json.loads(out.with_suffix(".json").read_text())
    assert (facts["training_faces"], facts["publictest_faces"]) == (38, 5)  # of 42 and 9
