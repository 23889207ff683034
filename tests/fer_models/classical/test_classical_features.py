"""Hand-made features and what is fitted on them, by hand."""

import numpy as np
import pytest

from faces.landmarks import FaceMesh, mean_shape
from fer_models.classical.features import CELL, hog, landmarks, shape_of, sliding_hog
from fer_models.classical.grey_faces import grey_faces
from fer_models.classical.recipes import Features, SvmRecipe
from fer_models.classical.svm import Svm, fit_svm
from fer_models.classical.training import calibrated


def test_grey_faces_are_whole_levels() -> None:
    images = np.full((1, 48, 48, 1), 100.4 / 255, np.float32)
    assert (grey_faces(images) == 100).all()
    assert grey_faces(np.ones((2, 96, 96, 3), np.float32)).shape == (2, 48, 48, 1)


@pytest.mark.parametrize(("pixel", "level"), [(-0.05, 0), (1.05, 255)])
def test_grey_faces_do_not_wrap_where_a_defence_adds_noise(pixel: float, level: int) -> None:
    assert (grey_faces(np.full((1, 48, 48, 1), pixel, np.float32)) == level).all()


def test_hog_sees_the_edges_direction() -> None:
    """Left half black, right half white: all gradients point along x, the first orientation."""
    face = np.zeros((1, 48, 48, 1), np.uint8)
    face[:, :, 24:] = 255
    cells = sliding_hog(face).reshape(25, 9, 8)
    energy = np.square(cells).sum(axis=(0, 1))
    # Along x lies on the border of the first and the last of eight unsigned orientations.
    assert energy[[0, 7]].sum() > 0.99 * energy.sum() > 0
    turned = np.square(sliding_hog(face.transpose(0, 2, 1, 3)).reshape(25, 9, 8)).sum(axis=(0, 1))
    assert turned[[3, 4]].sum() > 0.99 * turned.sum()


def test_sliding_windows_move_by_six_pixels() -> None:
    """The same pixels in two windows give the same cells."""
    face = np.random.default_rng(0).integers(0, 256, (1, 48, 48, 1), dtype=np.uint8)
    moved = np.roll(face, 6, axis=2)
    windows, after = (sliding_hog(x).reshape(5, 5, 3, 3, 8) for x in (face, moved))
    # cells that touch no border of the picture
    inner = np.s_[1:3, 1:3, 1, 1]
    np.testing.assert_allclose(windows[inner], after[1:3, 2:4, 1, 1], atol=1e-6)
    assert not np.allclose(windows[inner], after[inner], atol=1e-2)


def test_widths() -> None:
    faces = np.zeros((3, 48, 48, 1), np.uint8)
    blocks = 48 // CELL - 1
    assert hog(faces).shape == (3, blocks * blocks * 4 * 8)
    assert sliding_hog(faces).shape == (3, 5 * 5 * 9 * 8)
    assert hog(faces[:0]).shape == (0, 800)


def test_shape_knows_no_place_size_or_roll() -> None:
    points = np.repeat(mean_shape()[None] * 48, 2, axis=0)
    cos, sin = np.cos(0.3), np.sin(0.3)
    points[1] = 1.7 * points[1] @ np.array([[cos, sin], [-sin, cos]]) + (5, -3)
    shapes = shape_of(points)
    np.testing.assert_allclose(shapes[1], shapes[0], atol=1e-5)
    np.testing.assert_allclose(shapes.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(shapes, axis=2).mean(axis=1), 1, rtol=1e-5)
    points[1, 61] += 4  # a corner of the mouth
    assert np.abs(shape_of(points)[1] - shapes[1]).max() > 0.1


def test_decision_values_by_hand() -> None:
    """x - mean = 2; times projection 3 = 6; to centres 5 and 6: exp(-1/2) and 1."""
    svm = Svm(
        mean=np.array([1], np.float32),
        projection=np.array([[3]], np.float16),
        centres=np.array([[5], [6]], np.float16),
        gamma=np.array(0.5),
        coefficients=np.array([[2, 0], [1, -1]], np.float32),
        intercept=np.array([0.25, 0.5], np.float32),
    )
    expected = [[2 * np.exp(-0.5) + 1 + 0.25, -1 + 0.5]]
    np.testing.assert_allclose(svm.logits(np.array([[3]], np.float32)), expected, rtol=1e-6)


def ring(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points inside and outside of a circle: no linear machine tells them apart."""
    points = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    return points, (np.square(points).sum(axis=1) > 1.4).astype(np.int64)


RECIPE = SvmRecipe((Features.HOG,), components=(2,), centres=40)


def test_the_kernel_bends_the_border() -> None:
    points, labels = ring(600)
    svm = fit_svm([points[:400]], labels[:400], 2, RECIPE, 0)
    assert (svm.logits(points[400:]).argmax(axis=1) == labels[400:]).mean() > 0.93


def test_a_class_without_rows_is_never_chosen() -> None:
    points, labels = ring(100)
    svm = fit_svm([points], labels, 3, RECIPE, 0)
    logits = svm.logits(points)
    np.testing.assert_allclose(logits[:, 2], -1, atol=1e-5)


def test_constant_features_give_the_most_frequent_class() -> None:
    svm = fit_svm([np.ones((10, 2), np.float32)], np.array([0] * 4 + [1] * 6), 2, RECIPE, 0)
    assert (svm.logits(np.ones((3, 2), np.float32)).argmax(axis=1) == 1).all()


def test_calibration_scales_and_keeps_the_order() -> None:
    """Decisions of +-1 that are right in 90 %: softmax(2f) = 0.9 gives f = ln(9) / 2."""
    svm = Svm(
        mean=np.zeros(1, np.float32),
        projection=np.ones((1, 1), np.float16),
        centres=np.array([[0], [100]], np.float16),
        gamma=np.array(1.0),
        coefficients=np.array([[1, -1], [-1, 1]], np.float32),
        intercept=np.zeros(2, np.float32),
    )
    features = np.repeat([[0], [100]], 10, axis=0).astype(np.float32)
    labels = np.repeat([0, 1], 10)
    labels[[0, 10]] = [1, 0]
    scaled = calibrated(svm, features, labels)
    assert scaled.logits(features)[0, 0] == pytest.approx(np.log(9) / 2, rel=1e-3)


def test_a_face_is_located_once(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = np.random.default_rng(7).integers(0, 256, (5, 48, 48, 1), dtype=np.uint8)
    before = landmarks(faces)
    monkeypatch.setattr(FaceMesh, "locate_crops", None)
    np.testing.assert_array_equal(landmarks(faces[::-1]), before[::-1])
