"""Images read chunk by chunk: the same as an array, and one chunk in memory."""

import numpy as np
import pytest

from attacks.sets.stored_images import StoredImages

COUNTS = [3, 0, 2, 4]
ALL = np.random.default_rng(0).random((9, 2, 4, 3, 1), np.float32)


@pytest.fixture
def read() -> list[int]:
    return []


@pytest.fixture
def images(read: list[int]) -> StoredImages:
    parts = np.split(ALL, np.cumsum(COUNTS)[:-1])

    def of(index: int) -> np.ndarray:
        read.append(index)
        return parts[index]

    return StoredImages(of, COUNTS, ALL.shape[1:])


@pytest.mark.parametrize(
    "rows",
    [
        slice(None),
        slice(2, 6),
        slice(7, 2, -2),
        slice(4, 4),
        np.array([8, 0, 3, 3]),
        np.empty(0, np.int64),
        np.arange(9) % 2 == 0,
        5,
        -1,
    ],
)
def test_they_are_indexed_as_an_array_is(images: StoredImages, rows: object) -> None:
    found, expected = images[rows], ALL[rows]  # type: ignore[call-overload]
    assert found.dtype == np.float32 and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(images, ALL)
    assert len(images) == 9 and images.shape == ALL.shape


def test_each_chunk_is_read_once_from_first_to_last(images: StoredImages, read: list[int]) -> None:
    for start in range(0, 9, 2):
        images[start : start + 2]
    assert read == [0, 2, 3]
    assert images._held is None


def test_severities_are_images_of_their_own(images: StoredImages) -> None:
    flat = images.one_by_one()
    assert flat.shape == (18, 4, 3, 1)
    np.testing.assert_array_equal(flat[3:11], ALL.reshape(18, 4, 3, 1)[3:11])


def test_a_row_beyond_the_last_is_an_error(images: StoredImages) -> None:
    with pytest.raises(IndexError):
        images[9]
    with pytest.raises(IndexError):
        images[np.array([0, 9])]
