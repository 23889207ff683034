"""Find the csv inside `.xz`, `.gz`, `.zip` and `.tar.gz` files, recognised by content, not name.

Nothing is unpacked to disk.
"""

import gzip
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from datasets.base.errors import InputError

DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
"""What reading a truncated or damaged archive raises, at opening or at any later read."""

CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")
"""Names under which the faces are published, the preferred one first."""

VOTES_NAME = "fer2013new.csv"
"""Name under which the FER+ votes are published."""

_ARCHIVE_ENDINGS = (".csv.xz", ".csv.gz", ".tar.gz", ".tgz", ".tar.xz", ".tar", ".zip")


def csv_stream(raw: BinaryIO, label: str) -> tuple[BinaryIO, str]:
    """Binary stream of the csv in `raw`, however it is wrapped.

    Args:
        raw: seekable binary file at its start; stays open, and must outlive the stream.
        label: what to call the file in errors.

    Returns:
        The stream, and the label followed by the names of the archive members that lead to it.

    Raises:
        InputError: an archive holds no csv, several, or an encrypted one.
        DAMAGED: the file is cut short or broken.
    """
    head = raw.read(512)
    raw.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return csv_stream(cast(BinaryIO, gzip.open(raw)), label)
    if head.startswith(b"\xfd7zXZ\x00"):
        return csv_stream(cast(BinaryIO, lzma.open(raw)), label)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(raw, label)
    if head[257:262] == b"ustar":
        return _in_tar(raw, label)
    return raw, label


def csv_md5(path: Path) -> str:
    """Hex md5 of the csv in a file, however it is wrapped.

    Raises:
        InputError: as `csv_stream`, or the file is cut short or broken.
    """
    try:
        with open(path, "rb") as raw:
            stream, _ = csv_stream(raw, str(path))
            digest = hashlib.md5(usedforsecurity=False)
            while block := stream.read(1 << 20):
                digest.update(block)
    except DAMAGED as error:
        raise InputError(
            f"{path}: expected a whole file, found: {error}. Download it again."
        ) from error
    return digest.hexdigest()


def _in_zip(raw: BinaryIO, label: str) -> tuple[BinaryIO, str]:
    try:
        archive = zipfile.ZipFile(raw)
        member = _choose([name for name in archive.namelist() if not name.endswith("/")], label)
        stream = archive.open(member)
    except UnicodeDecodeError as error:  # in a member's name
        raise zipfile.BadZipFile(str(error)) from error
    except RuntimeError as error:  # encrypted, or an unsupported version or compression
        raise InputError(f"{label}: {error}. Unpack it and pass the csv.") from error
    return csv_stream(cast(BinaryIO, stream), f"{label}/{member}")


def _in_tar(raw: BinaryIO, label: str) -> tuple[BinaryIO, str]:
    archive = tarfile.TarFile(fileobj=raw)
    member = _choose([entry.name for entry in archive.getmembers() if entry.isfile()], label)
    return csv_stream(cast(BinaryIO, archive.extractfile(member)), f"{label}/{member}")


def _choose(members: list[str], label: str) -> str:
    by_name = {PurePosixPath(member).name: member for member in members}
    for name in CSV_NAMES:
        if name in by_name:
            return by_name[name]
    visible = {name: member for name, member in by_name.items() if not name.startswith(".")}
    csvs = [name for name in visible if name.endswith(".csv") and name != VOTES_NAME]
    nested = [name for name in visible if name.endswith(_ARCHIVE_ENDINGS)]
    candidates = csvs or nested
    if len(candidates) == 1:
        return visible[candidates[0]]
    found = ", ".join(candidates or sorted(by_name)[:5]) or "nothing"
    raise InputError(
        f"{label}: expected an archive with {' or '.join(CSV_NAMES)}, or one csv; found {found}."
    )
