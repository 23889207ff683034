"""The frame of glasses lies around the eyes and turns with them."""

import numpy as np
import pytest

from faces.alignment import eye_centers
from faces.glasses import glasses_masks
from faces.landmarks import mean_shape

POINTS = (mean_shape() * 48)[None]


def test_the_frame_leaves_the_eyes_free_and_lies_around_them() -> None:
    mask = glasses_masks(POINTS, (48, 48))[0]
    for x, y in eye_centers(POINTS[0]):
        assert not mask[int(y), int(x)]
        column, row = mask[:, int(x)], mask[int(y)]
        assert column[: int(y)].any() and column[int(y) :].any()
        assert row[: int(x)].any() and row[int(x) :].any()
    assert not mask[32:].any()
    assert 0.05 < mask.mean() < 0.15


def test_bridge_and_temples() -> None:
    mask = glasses_masks(POINTS, (48, 48))[0]
    left, right = eye_centers(POINTS[0])
    assert mask[int((left[1] + right[1]) / 2), int((left[0] + right[0]) / 2)]
    assert mask[:, 0].any() and mask[:, -1].any()


def test_a_mirrored_face_has_mirrored_glasses() -> None:
    mirrored = POINTS.copy()
    mirrored[..., 0] = 48 - mirrored[..., 0]
    there, back = (glasses_masks(points, (48, 48))[0] for points in (POINTS, mirrored))
    assert (there != back[:, ::-1]).mean() < 0.02


def test_other_points_are_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        glasses_masks(np.zeros((1, 68, 2)), (48, 48))
