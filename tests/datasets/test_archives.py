"""The same csv in every wrapping; each wrapping cut short."""

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from datasets.base.errors import InputError
from datasets.read import open_source
from tests.datasets.factory import csv_lines, make_images

CSV = "\n".join(csv_lines()).encode()


def as_zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def as_tar(members: dict[str, bytes], mode: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


TAR_GZ = as_tar({"fer2013/README": b"text", "fer2013/fer2013.csv": CSV}, "w:gz")
WRAPPED = {
    "fer2013.csv.xz": lzma.compress(CSV, preset=0),
    "fer2013.csv.gz": gzip.compress(CSV),
    "fer2013.csv.zip": as_zip({"fer2013.csv": CSV}),
    "fer2013.tar.gz": TAR_GZ,
    "fer2013.tgz": TAR_GZ,
    "plain.tar": as_tar({"fer2013.csv": CSV}, "w:"),
    "fer2013.tar.xz": as_tar({"fer2013.csv": CSV}, "w:xz"),
}
NESTED = {
    "kaggle.zip": as_zip(
        {"test.csv": b"pixels\n", "icml_face_data.csv": CSV, "fer2013.tar.gz": TAR_GZ}
    ),
    "one.zip": as_zip({"fer2013.tar.gz": TAR_GZ, "notes.txt": b"text"}),
    "renamed.zip": as_zip({"faces.csv": CSV, "fer2013new.csv": b"", "__MACOSX/._faces.csv": b""}),
    "deep.zip": as_zip({"a/b/fer2013.csv": CSV, "a/other.csv": b""}),
    "wrong_name.csv": gzip.compress(CSV),
}


@pytest.mark.parametrize(("name", "content"), [*WRAPPED.items(), *NESTED.items()])
def test_reads_alike(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert (open_source(path, progress=False).images == make_images()).all()


@pytest.mark.parametrize("name", [name for name in WRAPPED if name != "plain.tar"][:5])
def test_found_in_a_folder(tmp_path, name):
    (tmp_path / name).write_bytes(WRAPPED[name])
    assert len(open_source(tmp_path, progress=False).images) == 60


def fails(path: Path, *parts: str) -> None:
    with pytest.raises(InputError) as caught:
        open_source(path, progress=False)
    message = str(caught.value)
    assert "\n" not in message
    assert not [part for part in (str(path), *parts) if part not in message], message


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
@pytest.mark.parametrize("name", WRAPPED)
def test_cut_short(tmp_path, name, share):
    path = tmp_path / name
    path.write_bytes(WRAPPED[name][: int(share * len(WRAPPED[name]))])
    fails(path, "expected")


@pytest.mark.parametrize("name", [name for name in WRAPPED if name != "plain.tar"])
def test_damaged_in_the_middle(tmp_path, name):
    content = bytearray(WRAPPED[name])
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path = tmp_path / name
    path.write_bytes(content)
    fails(path, "expected")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("none.zip", as_zip({"readme.txt": b"text"}), "found readme.txt"),
        ("empty.zip", as_zip({}), "found nothing"),
        ("two.zip", as_zip({"a.csv": CSV, "b.csv": CSV}), "found a.csv, b.csv"),
        ("none.tar.gz", as_tar({"votes/fer2013new.csv": b""}, "w:gz"), "found fer2013new.csv"),
        ("hollow.zip", as_zip({"fer2013.csv": b""}), "hollow.zip/fer2013.csv: expected a csv"),
    ],
)
def test_archive_without_one_csv(tmp_path, name, content, found):
    path = tmp_path / name
    path.write_bytes(content)
    fails(path, found)


def test_zip_of_a_damaged_name_or_another_version(tmp_path):
    whole = as_zip({"fär.csv": CSV})
    name, path = whole.rindex("ä".encode()), tmp_path / "faces.zip"
    path.write_bytes(whole[:name] + b"\xff" + whole[name + 1 :])
    fails(path, "BadZipFile", "damaged or unreadable: download it again")
    version = whole.index(b"PK\x01\x02") + 6
    path.write_bytes(whole[:version] + b"\xf0" + whole[version + 1 :])
    fails(path, "zip file version 24.0. Unpack it and")


def test_encrypted_zip(tmp_path):
    content = bytearray(WRAPPED["fer2013.csv.zip"])
    content[6] |= 1  # the flag in the member's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path = tmp_path / "locked.zip"
    path.write_bytes(content)
    fails(path, "encrypted", "Unpack it")
