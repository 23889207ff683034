"""Which faces stand for the disagreement of the two label sets."""

import numpy as np

from datasets.faceset import FaceSet, Split
from evaluation.stages.disputed_faces import SHOWN, disputed_faces

# FER+ columns: neutral happiness surprise sadness anger disgust fear contempt unknown NF
ANGER, SADNESS, NEUTRAL = 4, 3, 0


def faces(fer: list[int], top: list[tuple[int, int]] | None) -> FaceSet:
    """FER labels, and for each face its top FER+ column with its votes; the rest goes elsewhere."""
    count = len(fer)
    images = np.arange(count * 4, dtype=np.uint8).reshape(count, 2, 2, 1)
    votes = None
    if top is not None:
        votes = np.zeros((count, 10), np.uint8)
        for row, (column, number) in enumerate(top):
            votes[row, column] = number
            votes[row, 6] = 10 - number  # fear
    rows = np.arange(count) + 50
    return FaceSet("toy", Split.PUBLIC_TEST, images, rows, np.array(fer), votes, None)


def test_one_fer_class_after_another_clearest_first() -> None:
    # angry seen as sad by 7 and by 9, angry seen as angry (agrees), sad seen as neutral by 8
    found = disputed_faces(
        faces([0, 0, 0, 4], [(SADNESS, 7), (SADNESS, 9), (ANGER, 9), (NEUTRAL, 8)])
    )
    assert found["row"].tolist() == [51, 53, 50]
    np.testing.assert_array_equal(found["image"][0].ravel(), [4, 5, 6, 7])


def test_faces_without_a_majority_and_runs_without_votes_show_none() -> None:
    assert len(disputed_faces(faces([0], [(SADNESS, 5)]))["row"]) == 0  # 5 of 10 is no majority
    none = disputed_faces(faces([0, 4], None))
    assert none["row"].shape == (0,) and none["image"].shape == (0, 2, 2, 1)


def test_no_more_than_fit_the_page() -> None:
    found = disputed_faces(faces([0] * (SHOWN + 5), [(SADNESS, 8)] * (SHOWN + 5)))
    assert found["row"].tolist() == list(range(50, 50 + SHOWN))
