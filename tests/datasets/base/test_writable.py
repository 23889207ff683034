"""Default folders that cannot be written. A path below a file serves: root may write anywhere."""

import os
from pathlib import Path

import pytest

from datasets.base.cache import cache_folder
from datasets.base.errors import InputError
from datasets.base.writable import (
    can_write,
    check_file,
    check_outcome_file,
    default_folder,
    unused_folder,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("no folder")
    return path


def test_the_nearest_folder_that_exists_decides(tmp_path: Path, file: Path) -> None:
    assert can_write(tmp_path)
    assert can_write(tmp_path / "new" / "deeper")
    assert not can_write(file)
    assert not can_write(file / "below")
    assert sorted(tmp_path.iterdir()) == [file]


def test_a_relative_folder_is_looked_for_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert can_write(Path("runs/now"))
    (tmp_path / "runs").write_text("in the way")
    assert not can_write(Path("runs/now"))


def test_a_folder_that_can_be_written_is_taken_unmade(tmp_path: Path, capsys) -> None:
    assert default_folder(tmp_path / "runs") == tmp_path / "runs"
    assert not (tmp_path / "runs").exists()
    assert capsys.readouterr().err == ""


def test_another_is_made_elsewhere_and_said(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    other = default_folder(file / "runs")
    assert other.parent == tmp_path
    assert other.is_dir()
    said = capsys.readouterr().err
    assert (
        said
        == f"{file / 'runs'} cannot be written; writing to {other} (--out chooses another folder)\n"
    )


def test_a_folder_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    now, second, third = (tmp_path / name for name in ("now", "now-2", "now-3"))
    assert unused_folder(now) == now
    now.mkdir()
    assert unused_folder(now) == now
    for folder, following in ((now, second), (second, third)):
        folder.mkdir(exist_ok=True)
        (folder / "run.json").touch()
        assert unused_folder(now) == following


def test_a_file_is_refused_before_anything_is_computed(tmp_path: Path, file: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    check_file(None, ".csv")
    check_file(tmp_path / "new.csv", ".md", ".csv")
    check_file(tmp_path / "results.csv", ".csv")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text("{}")
    check_file(tmp_path / "run" / "changes.csv", ".csv")
    for path, words in (
        (tmp_path / "new.txt", r"--out must end in \.md or \.csv; got .*new.txt"),
        (tmp_path / "no" / "new.csv", "--out must be in an existing folder; got .*no/new.csv"),
        (file / "new.csv", "--out must be in an existing folder"),
        (tmp_path / "run" / "results.csv", "--out must not replace a file of a run; got .*results"),
        (tmp_path / "run" / "report.md", "--out must not replace a file of a run; got .*report"),
        (tmp_path / "folder.csv", "--out must be a file; got the folder .*folder.csv"),
    ):
        with pytest.raises(InputError, match=words):
            check_file(path, ".md", ".csv")


def test_without_a_home_the_cache_is_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEADPAN_CACHE")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: "~/.cache/deadpan")
    assert cache_folder() == tmp_path / "deadpan-cache"
    home = os.path.join(os.sep, "home", "me", ".cache", "deadpan")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: home)
    assert cache_folder() == Path(home)


def test_an_earlier_outcome_is_deleted_once_its_place_is_right(tmp_path: Path) -> None:
    earlier, other = tmp_path / "gate.xml", tmp_path / "gate.txt"
    earlier.touch()
    other.touch()
    with pytest.raises(InputError, match=r"--junit must end in \.xml; got"):
        check_outcome_file(other, ".xml", option="--junit")
    assert other.exists()
    for path in (earlier, earlier, None):
        check_outcome_file(path, ".xml", option="--junit")
    assert not earlier.exists()
