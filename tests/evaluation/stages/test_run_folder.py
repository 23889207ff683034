"""A run is resumed in its folder only as the very same run."""

from pathlib import Path

import pytest

from datasets.base.errors import InputError
from evaluation.stages.run_folder import CONTRACTS, IDENTITY, check_run_folder, open_run_folder


def test_a_folder_continues_the_same_run_only(tmp_path: Path) -> None:
    for resume in (False, True):
        with open_run_folder(tmp_path, '{"name": "größe"}\n', resume):
            pass
    with pytest.raises(InputError, match="holds a run already"):
        check_run_folder(tmp_path, '{"name": "größe"}\n', resume=False)
    for other in (b"{}", b"\xff\xfe\x00", b""):
        (tmp_path / IDENTITY).write_bytes(other)
        with pytest.raises(InputError, match="continues the same run only"):
            check_run_folder(tmp_path, '{"name": "größe"}\n', resume=True)


@pytest.mark.parametrize(
    ("begun", "words"),
    [
        ('{"config": {"limit": 5, "seed": 0}, "faces_sha256": "a"}', r"differ \(faces, limit\)\."),
        ('{"options": {"limit": 6, "seed": 0}, "faces_sha256": "b"}', r"differ\. Name another"),
        ('{"config": 5}', r"differ\. Name another"),
        ("[]", r"differ\. Name another"),
    ],
)
def test_what_differs_is_named(tmp_path: Path, begun: str, words: str) -> None:
    (tmp_path / IDENTITY).write_text(begun)
    now = '{"config": {"limit": 6, "seed": 0}, "faces_sha256": "b"}'
    with pytest.raises(InputError, match=words):
        check_run_folder(tmp_path, now, resume=True)


def test_a_run_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    def refused(resume: bool) -> list[str]:
        with pytest.raises(InputError, match="no"), open_run_folder(tmp_path, "{}", resume):
            (tmp_path / CONTRACTS).mkdir(exist_ok=True)
            raise InputError("no")
        return sorted(entry.name for entry in tmp_path.iterdir())

    assert refused(resume=False) == []
    with pytest.raises(KeyboardInterrupt), open_run_folder(tmp_path, "{}", resume=False):
        raise KeyboardInterrupt
    assert refused(resume=True) == [CONTRACTS, IDENTITY]  # it is resumed another time


def test_a_run_killed_at_its_first_file_can_be_started_again(tmp_path: Path) -> None:
    (tmp_path / f".deadpan-4711-{IDENTITY}").write_text('{"na')
    check_run_folder(tmp_path, "{}", resume=True)
    (tmp_path / ".hidden").touch()
    with pytest.raises(InputError, match="is not empty and holds no run"):
        check_run_folder(tmp_path, "{}", resume=True)
