"""A run's folder goes on only as the very same run."""

from pathlib import Path

import pytest

from datasets.errors import InputError
from evaluation.run_folder import IDENTITY, check_run_folder, open_run_folder


def test_a_folder_continues_the_same_run_only(tmp_path: Path) -> None:
    open_run_folder(tmp_path, '{"name": "größe"}\n', resume=False)
    open_run_folder(tmp_path, '{"name": "größe"}\n', resume=True)
    with pytest.raises(InputError, match="holds a run already"):
        check_run_folder(tmp_path, '{"name": "größe"}\n', resume=False)
    for other in (b"{}", b"\xff\xfe\x00", b""):
        (tmp_path / IDENTITY).write_bytes(other)
        with pytest.raises(InputError, match="continues the same run only"):
            check_run_folder(tmp_path, '{"name": "größe"}\n', resume=True)
