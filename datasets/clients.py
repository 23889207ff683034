"""Download FER2013 with a client of Kaggle or Hugging Face that the user has installed.

Deadpan never logs in: each client uses the token that its user configured. Nothing downloaded is
trusted: `datasets/fetch.py` checks it.
"""

import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from datasets.published import COMPETITION, HUB_FILE, HUB_PAGE, HUB_REPOSITORY, KAGGLE_FILE

_STDERR = 2
"""File descriptor for a client's progress; standard output is for results."""


class DownloadError(Exception):
    """A client did not deliver the file; the message says why."""


class Client(NamedTuple):
    """One way to download the file.

    Attributes:
        name: name of the client.
        source: where it downloads from.
        installed: returns whether the client is installed.
        download: takes a folder it may write to, downloads the file there or to its own cache,
            and returns the path of the file or of its folder; raises `DownloadError`.
    """

    name: str
    source: str
    installed: Callable[[], bool]
    download: Callable[[Path], Path]


def _by_kaggle(folder: Path) -> Path:
    line = ["kaggle", "competitions", "download", "-c", COMPETITION, "-f", KAGGLE_FILE]
    code = subprocess.run([*line, "-p", str(folder)], stdout=_STDERR).returncode
    if code:
        raise DownloadError(
            f"exit code {code}; it needs a token (https://www.kaggle.com/settings), and the rules "
            f"must be accepted once at https://www.kaggle.com/c/{COMPETITION}/rules"
        )
    return folder


def _by_kagglehub(folder: Path) -> Path:
    import kagglehub

    try:
        return Path(kagglehub.competition_download(COMPETITION, path=KAGGLE_FILE))
    except Exception as error:  # network, token, rules not accepted: each has its own type
        raise DownloadError(_short(error)) from error


def _by_huggingface_hub(folder: Path) -> Path:
    import huggingface_hub

    try:
        found = huggingface_hub.hf_hub_download(
            HUB_REPOSITORY, HUB_FILE, repo_type="dataset", local_dir=folder
        )
    except Exception as error:  # network, token, a deleted repository
        raise DownloadError(_short(error)) from error
    return Path(found)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


KAGGLE = f"Kaggle's competition {COMPETITION}"
CLIENTS = (
    Client("kaggle", KAGGLE, lambda: shutil.which("kaggle") is not None, _by_kaggle),
    Client("kagglehub", KAGGLE, lambda: find_spec("kagglehub") is not None, _by_kagglehub),
    Client(
        "huggingface_hub",
        f"{HUB_PAGE}, a copy",
        lambda: find_spec("huggingface_hub") is not None,
        _by_huggingface_hub,
    ),
)
"""Clients in the order they are tried: the publisher's first."""
