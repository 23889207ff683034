import multiprocessing
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from datasets import read
from datasets.base.cache import cache_folder, read_entry, write_entry
from datasets.fer2013 import Faces
from datasets.read import open_source
from tests.datasets.factory import FER, SPLITS, csv_lines, make_images, write_lines, write_source


def entries(cache: Path) -> list[Path]:
    return sorted(cache.iterdir())


def test_second_read_parses_nothing(tmp_path, cache, monkeypatch):
    write_source(tmp_path)
    first = open_source(tmp_path, progress=False)
    (entry,) = entries(cache)
    assert entry.suffix == ".npz"
    monkeypatch.setattr(read, "parse_csv", None)
    second = open_source(tmp_path, progress=False)
    assert (first.images == second.images).all() and (first.fer == second.fer).all()
    assert (first.split_of == second.split_of).all() and first.splits == second.splits


def test_a_changed_file_is_another_entry(tmp_path, cache):
    path = write_lines(tmp_path / "fer2013.csv", csv_lines())
    open_source(path, progress=False)
    images = make_images()
    images[0] = 7
    write_lines(path, csv_lines(images))
    assert (open_source(path, progress=False).images[0] == 7).all()
    assert len(entries(cache)) == 2


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text", "other arrays"])
def test_damaged_entry_is_rebuilt(tmp_path, cache, damage):
    write_source(tmp_path)
    open_source(tmp_path, progress=False)
    (entry,) = entries(cache)
    good = entry.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 255
    if damage == "other arrays":
        with open(entry, "wb") as file:
            np.savez(file, images=make_images())
    else:
        contents = {"empty": b"", "cut": good[:-500], "flipped": flipped, "text": b"hello"}
        entry.write_bytes(contents[damage])
    assert (open_source(tmp_path, progress=False).images == make_images()).all()
    assert read_entry(entry.name.split("-")[0]) is not None
    assert entries(cache) == [entry]


def test_bad_csv_leaves_no_entry(tmp_path, cache):
    path = write_lines(tmp_path / "fer2013.csv", [*csv_lines(), "9,1,Training"])
    with pytest.raises(ValueError, match="row 60"):
        open_source(path, progress=False)
    assert entries(cache) == []


def test_folder_that_cannot_be_written(tmp_path, monkeypatch, capsys):
    occupied = tmp_path / "occupied"
    occupied.write_text("a file, not a folder")
    monkeypatch.setenv("DEADPAN_CACHE", str(occupied / "cache"))
    source = open_source(write_source(tmp_path / "data"), progress=False)
    assert len(source.images) == 60
    warning = capsys.readouterr().err
    assert warning.startswith("warning: ") and warning.count("\n") == 1
    assert "DEADPAN_CACHE" in warning


def test_full_disk_leaves_nothing_behind(cache, monkeypatch, capsys):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    write_entry("0" * 64, Faces(make_images(), FER, SPLITS))
    assert entries(cache) == []
    assert "No space left" in capsys.readouterr().err


def test_default_folder(monkeypatch):
    monkeypatch.delenv("DEADPAN_CACHE")
    assert "deadpan" in str(cache_folder())


def _open_many_times(data: str, barrier, results) -> None:
    barrier.wait(timeout=60)
    for _ in range(5):
        source = open_source(data, progress=False)
        for entry in cache_folder().glob("*.npz"):
            entry.unlink(missing_ok=True)  # so that the next round writes again
        results.put(int(source.images.sum()))


def test_two_processes_at_once(tmp_path, cache):
    write_source(tmp_path)
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    workers = [
        context.Process(target=_open_many_times, args=(str(tmp_path), barrier, results))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    sums = [results.get(timeout=60) for _ in range(10)]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    assert set(sums) == {int(make_images().sum())}
    assert not list(cache.glob("*.tmp"))


@pytest.mark.skipif(os.name == "nt", reason="modes are different there")
def test_entry_is_readable_by_its_owner(tmp_path, cache):
    open_source(write_source(tmp_path), progress=False)
    (entry,) = entries(cache)
    assert entry.stat().st_mode & stat.S_IRUSR
