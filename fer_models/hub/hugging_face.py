"""Hugging Face folders: which names mean one, and finding those of the hub.

What their configuration says is in `fer_models/hub/folder_contract.py`;
`fer_models/pytorch/hugging_face.py` opens the weights.
"""

import os
from functools import partial
from pathlib import Path

from datasets.base.errors import InputError, words_of

HUB = "hf:"
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
READ = ("*.json", "*.safetensors", "pytorch_model.bin")
"""Files of a folder that are read; others, such as README.md, belong to it only for people."""


def is_hugging_face(name: str) -> bool:
    """Whether a name means a model of the hub, `hf:owner/name`, or a folder that was saved so."""
    folder = Path(name)
    return name.startswith(HUB) or (
        os.path.isfile(folder / CONFIG)  # `Path.is_file` fails on long names
        and not os.path.exists(folder / "saved_model.pb")
        and not os.path.exists(folder / "card.json")
    )


def folder_of(name: str) -> Path:
    """The folder of a model, of the hub's cache or, if it is not there, of the hub itself.

    Raises:
        InputError: no such model, no network, or a folder without weights.
    """
    folder = _snapshot(name.removeprefix(HUB)) if name.startswith(HUB) else Path(name)
    if not any((folder / weights).is_file() for weights in WEIGHTS):
        raise InputError(
            f"{name}: expected a folder with weights, {WEIGHTS[0]} or {WEIGHTS[2]}; found neither. "
            "Copy it beside config.json."
        )
    return folder


def _snapshot(repository: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise InputError(
            f"{HUB}{repository}: needs a package that is not installed ({error.name}): "
            "pip install -e '.[hf]'."
        ) from error
    download = partial(snapshot_download, repository, allow_patterns=READ)
    try:
        try:
            folder = Path(download(local_files_only=True))
            if any((folder / weights).is_file() for weights in WEIGHTS):
                return folder
        except LocalEntryNotFoundError:  # not in the cache
            pass
        return Path(download())
    except LocalEntryNotFoundError as error:
        raise InputError(
            f"{HUB}{repository}: expected a model in the local cache or on the hub; it is not in "
            "the cache, and the hub cannot be reached. Check name and network, or give a folder."
        ) from error
    except Exception as error:  # no such model, no permission: each has its own kind
        raise InputError(
            f"{HUB}{repository}: expected a model in the local cache or on the hub; "
            f"{words_of(error)}. Correct the name or give a folder."
        ) from error
