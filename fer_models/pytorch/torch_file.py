"""Open a file of PyTorch by what it holds: an exported net, TorchScript, or weights alone."""

import warnings
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import torch

from datasets.base.errors import InputError
from fer_models.foreign.raw_model import RawModel
from fer_models.pytorch.exported_program import open_exported
from fer_models.pytorch.net import torch_net
from fer_models.pytorch.state_dict import read_weights, require_intact
from fer_models.pytorch.training_steps import refuse_trained_script

_OLD_EXPORT = "serialized_exported_program.json"
"""In files of PyTorch up to 2.7."""


def open_torch_file(path: Path, sha256: str) -> RawModel:
    """Open an exported net or TorchScript.

    Raises:
        InputError: a whole net as a pickle, which is never unpickled, weights alone, or a graph
            that cannot be used.
        ValueError: the file is damaged.
    """
    members = _members(path)
    exported = any(name.endswith(("/models/model.json", _OLD_EXPORT)) for name in members)
    if exported or any("/code/" in name for name in members):
        require_intact(path)
        return open_exported(path, sha256) if exported else _open_script(path, sha256)
    read_weights(path)
    raise InputError(
        f"{path}: must be a whole net; it holds weights alone. Name the code that builds their "
        f"net, module:factory@{path}."
    )


def _members(path: Path) -> list[str]:
    if not is_zipfile(path):
        return []
    with ZipFile(path) as archive:
        return archive.namelist()


def _open_script(path: Path, sha256: str) -> RawModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # nets that were saved so exist
        script = torch.jit.load(path, map_location="cpu")
    script.eval()
    refuse_trained_script(script, path)
    return torch_net(str(path), script, sha256)
