import cv2
import numpy as np
import pytest

from faces import mesh_points as mesh
from faces.alignment import align, eye_centers, level_transform
from faces.crop import crop_faces
from faces.eyes import eye_aspect_ratio
from faces.landmarks import FaceMesh, mean_shape
from faces.regions import Region, region_masks
from tests.faces.conftest import FACE


@pytest.fixture(scope="module")
def face_mesh():
    return FaceMesh()


@pytest.fixture(scope="module")
def found(face_mesh, portrait):
    return face_mesh.locate(portrait, [FACE])


def test_points_of_the_astronaut(found):
    assert found.points.shape == (1, 468, 2)
    assert found.points.dtype == np.float32
    assert found.found.all()
    points = found.points[0]
    room = FACE.square(1.5)
    assert (points > [room.x, room.y]).all()
    assert (points < [room.x + room.width, room.y + room.height]).all()
    left, right = eye_centers(points)
    nose, lips = points[4], points[list(mesh.LIPS)].mean(axis=0)
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < lips[1]
    # eyes of the portrait, read off by hand
    assert left == pytest.approx([207, 103], abs=9)
    assert right == pytest.approx([241, 103], abs=9)


def test_open_eyes(found):
    (ratio,) = eye_aspect_ratio(found.points)
    assert 0.2 < ratio < 0.5  # open but smiling: 0.24, beside the threshold


def test_a_face_without_landmarks_gets_the_mean_shape(face_mesh):
    flat = face_mesh.locate_crops(np.full((2, 48, 48, 1), 90, np.uint8))
    assert flat.missing == 2
    np.testing.assert_allclose(flat.points[0], mean_shape() * 48, atol=1e-5)


def test_no_faces(face_mesh, portrait):
    assert len(face_mesh.locate(portrait, [])) == 0
    assert crop_faces(portrait, []).shape == (0, 48, 48, 1)


def test_crops_must_be_uint8_batches(face_mesh):
    with pytest.raises(ValueError, match="`crops`"):
        face_mesh.locate_crops(np.zeros((48, 48, 1), np.uint8))
    with pytest.raises(ValueError, match="`crops`"):
        face_mesh.locate_crops(np.zeros((1, 48, 48, 1), np.float32))


def test_eye_aspect_ratio_by_hand():
    points = np.zeros((468, 2))
    for six, (left, right) in ((mesh.LEFT_EYE_SIX, (2, 4)), (mesh.RIGHT_EYE_SIX, (1, 1))):
        p1, p2, p3, p4, p5, p6 = six
        points[p1], points[p4] = (0, 0), (10, 0)
        points[p2], points[p6] = (3, left), (3, 0)
        points[p3], points[p5] = (7, right), (7, 0)
    # left eye (2 + 4) / 20 = 0.3, right eye (1 + 1) / 20 = 0.1, mean 0.2
    assert eye_aspect_ratio(points) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="468"):
        eye_aspect_ratio(points[:10])


def test_alignment_levels_the_eyes():
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = mean_shape() * 200 @ turn.T + [30, 50]
    matrix = level_transform(points)
    moved = eye_centers(points @ matrix[:, :2].T + matrix[:, 2])
    assert moved[0, 1] == pytest.approx(moved[1, 1])
    wanted = eye_centers(mean_shape() * 48)
    assert moved[:, 0] == pytest.approx(wanted[:, 0], abs=0.05)
    image = np.zeros((300, 300), np.uint8)
    for x, y in eye_centers(points):
        cv2.circle(image, (round(x), round(y)), 12, 255, -1)
    aligned = align(image, points)
    assert aligned.shape == (48, 48)
    for x, y in moved:
        assert aligned[round(y), round(x)] == 255
    with pytest.raises(ValueError, match="apart"):
        level_transform(np.zeros((468, 2)))


def test_masks_partition_the_image():
    points = np.stack([mean_shape() * 48, mean_shape() * 30 + 5])
    masks = region_masks(points, (48, 48))
    assert masks.shape == (2, len(Region), 48, 48)
    assert (masks.sum(axis=1) == 1).all()
    assert masks.any(axis=(2, 3)).all()
    eyes, mouth = masks[0, 0], masks[0, 3]
    assert np.argwhere(eyes)[:, 0].max() < np.argwhere(mouth)[:, 0].min()
    wider = region_masks(points, (48, 48), dilate=0.2)
    assert (wider[:, 0] >= masks[:, 0]).all()
    with pytest.raises(ValueError, match="`points`"):
        region_masks(points[0], (48, 48))
    with pytest.raises(ValueError, match="`dilate`"):
        region_masks(points, (48, 48), dilate=-1)


def test_crop_repeats_the_edge(portrait):
    crops = crop_faces(portrait, [FACE, FACE.square(20)])
    assert crops.shape == (2, 48, 48, 1)
    assert crops.dtype == np.uint8
