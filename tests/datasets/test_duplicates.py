import numpy as np

from datasets.duplicates import find_duplicates, found_in
from tests.datasets.factory import CONSTANT_ROW, FER, LEAKED_ROW, make_images


def test_groups_by_hand():
    # images a b a c b a: groups {0, 2, 5} and {1, 4}
    images = np.array([1, 2, 1, 3, 2, 1], dtype=np.uint8)[:, None, None, None]
    labels = np.array([0, 4, 0, 1, 5, 0])  # the second group carries 4 and 5
    found = find_duplicates(images, labels)
    assert found.group.tolist() == [0, 1, 0, -1, 1, 0]
    assert (found.num_groups, found.num_conflicting_groups) == (2, 1)
    assert found.conflicting.tolist() == [False, True, False, False, True, False]


def test_factory_rows():
    found = find_duplicates(make_images(), FER)
    assert np.flatnonzero(found.group >= 0).tolist() == [2, LEAKED_ROW]
    assert np.flatnonzero(found.constant).tolist() == [CONSTANT_ROW]
    assert found.conflicting[2]  # rows 2 and 45: labels 2 and 45 % 7 = 3


def test_without_labels_there_is_no_conflict():
    images = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    found = find_duplicates(images)
    assert found.num_groups == 1 and not found.conflicting.any()


def test_a_coloured_image_of_one_colour_is_constant():
    images = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    images[:, :, :, 1] = 200
    images[1, 2, 3, 0] = 1
    assert find_duplicates(images).constant.tolist() == [True, False]


def test_nothing():
    found = find_duplicates(np.zeros((0, 4, 4, 1), dtype=np.uint8), np.zeros(0, dtype=np.int64))
    assert (found.num_groups, found.num_conflicting_groups) == (0, 0)


def test_found_in():
    images = make_images()
    assert found_in(images[42:48], images[:42]).tolist() == [False] * 3 + [True] + [False] * 2
    assert found_in(images[:2], images[:0]).tolist() == [False, False]
