"""Weights alone, `.safetensors` or a state dict, and filling a net with them.

Nothing but tensors is ever unpickled.
"""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import PROTO, UnpicklingError
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch

from datasets.base.errors import InputError
from fer_models.pytorch.pickles import refuse_pickle

_MEND = "Name the code that built the net that was trained."
_NESTED = ("state_dict", "model_state_dict", "model", "net", "weights")
"""Where checkpoints of trainings keep the state dict."""


def fill(net: torch.nn.Module, path: Path) -> None:
    """Load weights into a net; all of them must be there, and no others.

    Raises:
        InputError: names or shapes differ from those of the net; or see `read_weights`.
        ValueError: no weights.
    """
    weights = _without_prefix(read_weights(path), net.state_dict().keys())
    if others := _other_shapes(net, weights):
        raise InputError(f"{path}: does not fit the net: {_first(others)}. {_MEND}")
    missing, unexpected = net.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not _is_tied(net, name, weights)]
    if missing or unexpected:
        lacks = [f"it lacks {_first(missing)}"] if missing else []
        others = [f"the net has no {_first(unexpected)}"] if unexpected else []
        raise InputError(f"{path}: does not fit the net: {'; '.join([*lacks, *others])}. {_MEND}")


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name.

    Raises:
        InputError: it holds Python objects, which are never unpickled.
        ValueError: no state dict, or the file is damaged.
    """
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    if is_zipfile(path):
        require_intact(path)
    neither = "it is neither a net nor weights of PyTorch, or it is cut short"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's age
            found = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if not _may_be_pickle(path):
            raise ValueError(neither) from error
        named = re.search(r"GLOBAL (\S+)", str(error))
        refuse_pickle(path, holding=named[1] if named else "")
    except Exception as error:  # its reader has no kinds of its own
        raise ValueError(neither) from error
    return _tensors(found)


def require_intact(path: Path) -> None:
    """Compare the checksums of an archive of PyTorch, which itself reads changed weights.

    An archive may have been written without any, by `torch.serialization.set_crc32_options(False)`.

    Raises:
        ValueError: one differs.
    """
    with ZipFile(path) as archive:
        has_checksums = any(part.CRC for part in archive.infolist())
        if has_checksums and (damaged := archive.testzip()):
            raise ValueError(f"its part {damaged} is damaged: its checksum differs")


def _may_be_pickle(path: Path) -> bool:
    """Whether a file begins as archives of PyTorch and its older pickles do."""
    with open(path, "rb") as file:
        first = file.read(1)
    return first == PROTO or is_zipfile(path)


def _tensors(found: Any) -> dict[str, torch.Tensor]:
    if not isinstance(found, Mapping):
        raise ValueError(f"it must hold a state dict; it holds {type(found).__name__}")
    inner = [name for name in _NESTED if isinstance(found.get(name), Mapping)]
    weights = found[inner[0]] if inner else found
    if not weights or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        names = ", ".join(map(str, list(found)[:3]))
        raise ValueError(f"it must hold a state dict; it holds {names or 'nothing'}")
    return dict(weights)


def _without_prefix(weights: dict[str, torch.Tensor], wanted: Any) -> dict[str, torch.Tensor]:
    """The weights without what all names begin with, as DataParallel and others write it."""
    first, dot, _ = next(iter(weights), "").partition(".")
    prefix = first + dot
    if not dot or not all(name.startswith(prefix) for name in weights):
        return weights
    shorter = {name.removeprefix(prefix): value for name, value in weights.items()}
    return shorter if len(shorter.keys() & wanted) > len(weights.keys() & wanted) else weights


def _is_tied(net: torch.nn.Module, name: str, weights: Mapping[str, torch.Tensor]) -> bool:
    """Whether a weight shares its memory with one that was in the file."""
    tensors = net.state_dict(keep_vars=True)
    return any(tensors[other] is tensors[name] for other in weights if other in tensors)


def _other_shapes(net: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> list[str]:
    """Weights that the file has in another shape than the net, in words."""
    own = {
        name: tuple(value.shape)
        for name, value in net.state_dict().items()
        if not torch.nn.parameter.is_lazy(value)
    }
    return [
        f"{name} is {tuple(weights[name].shape)}, in the net {shape}"
        for name, shape in own.items()
        if name in weights and tuple(weights[name].shape) != shape
    ]


def _first(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
