"""Pictures of faces: the colours of regions."""

import numpy as np

from reports.charts.pictures import coloured


def test_a_region_is_the_redder_the_more_it_breaks() -> None:
    face = np.full((2, 2, 1), 128, np.uint8)
    region = np.array([[0, 0], [1, 2]])
    picture = coloured(face, region, np.array([0.0, 0.5, 1.0])).astype(int)
    assert picture.shape == (8, 8, 3)
    redness = (picture[..., 0] - picture[..., 2])[[0, 4, 4], [0, 0, 4]]
    assert redness[0] == 0
    assert redness[0] < redness[1] < redness[2]
