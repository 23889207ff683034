"""`python -m datasets.fetch`: download FER2013 and the FER+ votes into ./data and check them.

Faces come through an installed client of Kaggle or Hugging Face with its user's token, votes from
GitHub. For anything that cannot be downloaded, the command prints what to do by hand.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.atomic import atomic
from datasets.base.commands import run
from datasets.base.errors import InputError

if TYPE_CHECKING:
    from datasets.clients import Client


def main(
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("data"),
) -> int:
    """Download FER2013 and the FER+ votes with your own accounts, and check them."""
    from datasets.archives import VOTES_NAME
    from datasets.clients import CLIENTS

    out.mkdir(parents=True, exist_ok=True)
    faces = kept_faces(out) or fetched_faces(out, CLIENTS)
    if faces is None:
        print(by_hand(out))
    else:
        print(f"faces: {faces}, the published csv by its md5")
    votes = out / VOTES_NAME
    problem = votes_problem(votes) if votes.exists() else fetch_votes(votes)
    print(f"votes: {problem}" if problem else f"votes: {votes}, all rows in order")
    if faces is None or problem:
        return 1
    print(f"next: python -m evaluation.run --data {out}")
    return 0


def kept_faces(folder: Path) -> Path | None:
    """Return the file of faces that is already in the folder, if any.

    Raises:
        InputError: the file is not the published one; it is left untouched.
    """
    from datasets.archives import csv_md5
    from datasets.published import MD5
    from datasets.read import FILE_NAMES

    for path in (folder / name for name in FILE_NAMES):
        if path.is_file():
            found = csv_md5(path)
            if found not in MD5.values():
                raise InputError(
                    f"{path}: expected md5 {' or '.join(MD5.values())} of the csv, found {found}: "
                    "not the published file. Move it away, or choose another --out."
                )
            return path
    return None


def fetched_faces(folder: Path, clients: "Sequence[Client]") -> Path | None:
    """Try each installed client; return the first file with the right md5, or None."""
    from datasets.clients import DownloadError

    for client in clients:
        if not client.installed():
            _log(f"{client.name}: not installed")
            continue
        _log(f"{client.name}: downloading from {client.source}")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
            try:
                found = client.download(Path(work))
            except DownloadError as error:
                _log(f"{client.name}: {error}")
                continue
            if path := _published_file(found):
                return _put(path, folder)
            _log(
                f"{client.name}: {found.name or 'the download'} is not the published file; ignored"
            )
    return None


def _published_file(found: Path) -> Path | None:
    """Return the file with the right md5 among those that a client downloaded."""
    from datasets.archives import csv_md5
    from datasets.published import MD5

    files = (
        sorted(path for path in found.rglob("*") if path.is_file()) if found.is_dir() else [found]
    )
    for path in files:
        try:
            md5 = csv_md5(path)
        except InputError as error:
            _log(str(error))
            continue
        if md5 in MD5.values():
            return path
        _log(f"{path.name}: md5 {md5}, expected {' or '.join(MD5.values())}")
    return None


def _put(path: Path, folder: Path) -> Path:
    """Copy a file into the folder, under a name that `--data` looks for."""
    from datasets.read import FILE_NAMES

    name = path.name
    if name not in FILE_NAMES:
        with open(path, "rb") as file:
            packed = {b"PK": "fer2013.zip", b"\x1f\x8b": "fer2013.tar.gz"}
            name = packed.get(file.read(2), "fer2013.csv")
    with atomic(folder / name) as unfinished:
        shutil.copyfile(path, unfinished)
    return folder / name


def fetch_votes(path: Path) -> str:
    """Download the FER+ votes; return what is wrong and what to do by hand, or an empty string."""
    import urllib.request
    from http.client import HTTPException

    from datasets.published import VOTES_PAGE, VOTES_URL

    hand = f"download {path.name} from {VOTES_PAGE} into {path.parent}"
    _log(f"downloading {VOTES_URL}")
    try:
        with atomic(path) as unfinished:
            with urllib.request.urlopen(VOTES_URL, timeout=60) as answer:
                unfinished.write_bytes(answer.read())
            if problem := votes_problem(unfinished):
                raise InputError(f"{problem} The download was not kept")
    except (InputError, OSError, HTTPException) as error:  # no network, no such page, incomplete
        return f"{error}; {hand}"
    return ""


def votes_problem(path: Path) -> str:
    """Return why a file is not the published votes, or an empty string."""
    import numpy as np

    from datasets.faceset import Split
    from datasets.ferplus import join_votes
    from datasets.labels import FERPLUS8
    from datasets.published import PUBLIC_TEST_MAJORITY, ROWS
    from datasets.votes import VoteRule, vote_labels

    splits = np.repeat(list(ROWS), list(ROWS.values()))
    try:
        votes = join_votes(path, np.arange(len(splits)), splits)
    except InputError as error:
        return str(error)
    labels = vote_labels(votes[splits == Split.PUBLIC_TEST], VoteRule.MAJORITY)
    counts = np.bincount(labels.values[labels.present], minlength=FERPLUS8.num_classes)
    if tuple(counts) == PUBLIC_TEST_MAJORITY:
        return ""
    expected = " ".join(map(str, PUBLIC_TEST_MAJORITY))
    return (
        f"{path}: expected {expected} PublicTest faces per class by majority, "
        f"found {' '.join(map(str, counts))}: not the published votes."
    )


def by_hand(folder: Path) -> str:
    """Instructions for downloading without a client."""
    from datasets.published import KAGGLE_FILE, KAGGLE_PAGE

    return f"""FER2013 was not downloaded. By hand, in a browser:
  1. log in to Kaggle and open {KAGGLE_PAGE}
  2. accept the rules, download {KAGGLE_FILE} or icml_face_data.csv
  3. put it into {folder} as it is, and run this command again to check it
Or use a client: pip install -e ".[fetch]", configure its token, and run this command again."""


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main, prog="python -m datasets.fetch")
