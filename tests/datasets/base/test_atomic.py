import errno
import os

import pytest

from datasets.base.atomic import atomic


def test_the_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "results.csv"
    with atomic(path) as unfinished:
        unfinished.write_text("half")
        assert not path.exists()
        assert unfinished.suffix == path.suffix  # numpy and Keras look at it
    assert path.read_text() == "half"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failing_block_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "results.csv"
    path.write_text("old")
    with pytest.raises(error), atomic(path) as unfinished:
        unfinished.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_never_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "results.csv"):
        pass


def test_a_full_disk_names_the_file(tmp_path):
    path = tmp_path / "results.csv"
    with pytest.raises(OSError, match=r"No space left on device: '.*results\.csv'"), atomic(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
