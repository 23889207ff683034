from typing import Any

import numpy as np
import pytest

from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, FERPLUS8, LabelSet
from tests.datasets.factory import FER, chain, make_images, make_votes


def make_faces(**changes: Any) -> FaceSet:
    fields: dict[str, Any] = {
        "name": "toy",
        "split": Split.PUBLIC_TEST,
        "images": make_images(),
        "row_ids": np.arange(100, 160),
        "fer": FER,
        "votes": make_votes(),
        "leaked": np.zeros(60, dtype=bool),
    }
    return FaceSet(**{**fields, **changes})


def test_labels_carry_their_scheme():
    faces = make_faces()
    assert faces.labels(LabelSet.FER).scheme is FER7
    assert faces.labels(LabelSet.FERPLUS).scheme is FERPLUS8
    assert make_faces(votes=None).label_sets == (LabelSet.FER,)
    assert make_faces(fer=None).label_sets == (LabelSet.FERPLUS,)
    with pytest.raises(ValueError, match="no ferplus labels"):
        make_faces(votes=None).labels(LabelSet.FERPLUS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": make_images()[..., 0]}, "uint8 of shape"),
        ({"images": make_images() / 255.0}, "uint8 of shape"),
        ({"fer": None, "votes": None}, "neither"),
        ({"fer": FER[:59]}, "`fer` must have 60 rows. Received: 59"),
        ({"row_ids": np.arange(61)}, "`row_ids` must have 60 rows"),
        ({"votes": make_votes()[:, :8]}, r"`votes` must be \(N, 10\)"),
    ],
)
def test_fields_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        make_faces(**changes)


def test_take_keeps_rows_together():
    part = make_faces().take(np.array([5, 2]))
    assert part.row_ids.tolist() == [105, 102]
    assert (part.images == make_images()[[5, 2]]).all()
    assert (part.votes == make_votes()[[5, 2]]).all()
    assert part.fer.tolist() == [FER[5], FER[2]]
    assert make_faces(votes=None).take(np.array([1])).votes is None


def test_smaller_limits_are_nested():
    faces = make_faces()
    small, large = faces.limit(7, seed=3), faces.limit(20, seed=3)
    assert large.row_ids[:7].tolist() == small.row_ids.tolist()
    assert small.row_ids.tolist() != faces.limit(7, seed=4).row_ids.tolist()


def test_the_first_faces_are_a_random_sample_also_without_a_limit() -> None:
    faces = make_faces()
    orders = [faces.limit(count, seed).row_ids.tolist() for count in (None, 60) for seed in (0, 3)]
    assert orders == orders[:1] * 4
    assert orders[0] != sorted(orders[0]) == faces.row_ids.tolist()


def test_sha256_is_the_identity_of_the_data():
    known = make_faces().sha256
    assert make_faces(leaked=None, name="other").sha256 == known
    images = make_images()
    images[7, 0, 0, 0] ^= 1
    changed = [{"images": images}, {"votes": None}, {"fer": None}, {"split": Split.TRAINING}]
    assert len({known, *(make_faces(**change).sha256 for change in changed)}) == 5


def test_equal_pixels_have_equal_hashes_whatever_else_differs() -> None:
    images = make_images()
    images[3] = images[5]
    found = make_faces(images=images, votes=None).pixel_hashes
    assert found.dtype == np.int64 and (found.astype(np.float64).astype(np.int64) == found).all()
    alike = (images[:, None] == images).all(axis=(2, 3, 4))
    assert alike[3, 5] and (alike == (found[:, None] == found)).all()
    part = make_faces(images=images).take(np.array([5, 2]))
    assert part.pixel_hashes.tolist() == found[[5, 2]].tolist()
    wide = images.reshape(len(images), images.shape[1] // 2, -1, 1)
    assert not set(make_faces(images=wide).pixel_hashes) & set(found)


def test_identical_images_share_a_group_also_in_a_part() -> None:
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] + np.zeros((6, 4, 4, 1), np.uint8)
    images[4], images[5] = images[1], images[1]
    rows = np.array([10, 20, 30, 40, 50, 60])
    faces = FaceSet("tiny", Split.PUBLIC_TEST, images, rows, fer=np.zeros(6, int))
    assert faces.groups.tolist() == [10, 20, 30, 40, 20, 20]
    assert faces.take(np.array([5, 0, 4])).groups.tolist() == [60, 10, 60]
    part = faces.limit(4, seed=0)
    same = part.groups[:, None] == part.groups
    twins = np.isin(part.row_ids, (20, 50, 60))
    assert (same == (np.eye(4, dtype=bool) | (twins[:, None] & twins))).all()


def test_groups_of_a_run_outlast_a_gap_in_a_chain_of_near_duplicates() -> None:
    images = chain(3)
    faces = FaceSet("tiny", Split.PUBLIC_TEST, images, np.array([10, 20, 30]), fer=np.zeros(3, int))
    ends = np.array([0, 2])
    assert faces.groups.tolist() == [10, 10, 10]
    assert faces.take(ends).groups.tolist() == [10, 30]
    kept = faces.with_run_groups()
    assert kept.take(ends).groups.tolist() == [10, 10]
    assert kept.take(ends[1:]).groups.tolist() == [10]
    assert kept.sha256 == faces.sha256
