"""Pipes are refused by whatever takes a file, before anybody waits for their end."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.base.special_files import refuse_special_file
from datasets.faceset import Split
from datasets.ferplus import join_votes
from datasets.read import open_source
from datasets.readers.classes import ClassNames
from datasets.readers.listing import Listed
from datasets.readers.pictures import read_pictures
from evaluation.tiers import read_tier
from evaluation.verify import _from_npz
from faces.photos import photos
from fer_models.foreign.contract_file import read_partial
from fer_models.foreign.names import files_sha256
from fer_models.services.service_file import read_service_file
from live.video.clips import find_clips
from live.video.speech.lexicon import load_lexicon

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
READERS: dict[str, Callable[[Path], object]] = {
    "a.jpg": photos,
    "a.mp4": lambda path: find_clips([path]),
    "a.json": read_partial,
    "a.http.toml": read_service_file,
    "a.onnx": lambda path: files_sha256(str(path)),
    "a.npz": lambda path: _from_npz(path, "linf", "8/255"),
    "data.csv": open_source,
    "votes.csv": lambda path: join_votes(path, np.arange(1), np.array(["Test"]), None),
    "classes.csv": lambda path: ClassNames.of(path, None),
    "a.png": lambda path: read_pictures([Listed(path, "happy", Split.TEST)], 48, None, print),
    "tier.toml": read_tier,
    "lexicon.csv": load_lexicon,
}


@pytest.mark.parametrize("name", READERS)
def test_pipe_is_refused_by_name(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(
        InputError, match=rf"{name}: expected a .*; found a pipe or a device\. Save"
    ):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize("name", ["a.jpg", "a.mp4"])
def test_pipe_in_a_folder_is_refused_by_name(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: expected a "):
        READERS[name](tmp_path)


def test_files_folders_and_what_is_missing_pass(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for path in (tmp_path, tmp_path / "a", tmp_path / "none"):
        refuse_special_file(path, "a clip")
