"""Weights alone, `.safetensors` or a state dict, and filling a net with them.

Nothing but tensors is ever unpickled.
"""

import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from pickle import PROTO, UnpicklingError
from typing import Any, NamedTuple
from zipfile import ZipFile, is_zipfile

import torch

from datasets.base.errors import InputError
from fer_models.pytorch.pickles import refuse_pickle

_MEND = "Name the code that built the net that was trained."
_OF_AVERAGING = "n_averaged"
"""What `AveragedModel` counts beside the weights."""
Weights = dict[str, torch.Tensor]
"""Tensors by name."""


class _Candidate(NamedTuple):
    """Weights that may be those of the net, and names of the file that lie beside them."""

    weights: Weights
    beside: list[str]


def fill(net: torch.nn.Module, path: Path) -> None:
    """Load weights into a net; all of them must be there, and no others.

    Others may lie beside those under a prefix, as those of its loss do in a checkpoint of
    Lightning; a line names them.

    Raises:
        InputError: names or shapes differ from those of the net, several sets of weights fit it; or
            see `read_weights`.
        ValueError: no weights.
    """
    wanted = net.state_dict().keys()
    sets = dict(_candidates(read_weights(path), wanted))
    misfits = {key: _load(net, each.weights) for key, each in sets.items()}
    fitting = [key for key, misfit in misfits.items() if not misfit]
    if len(fitting) > 1:
        names = " and ".join(f'"{key}"' for key in fitting)
        raise InputError(
            f"{path}: holds several sets of weights that fit the net, {names}. Save the one that "
            "you mean alone, as a state dict."
        )
    if not fitting:
        nearest = max(sets, key=lambda key: len(sets[key].weights.keys() & wanted))
        raise InputError(f"{path}: does not fit the net: {misfits[nearest]}. {_MEND}")
    chosen = sets[fitting[0]]
    _load(net, chosen.weights)
    if chosen.beside:
        print(
            f'{path}: the weights of the net are "{fitting[0]}"; not used: {_first(chosen.beside)}',
            file=sys.stderr,
        )


def _load(net: torch.nn.Module, weights: Weights) -> str:
    """Load weights into a net; what does not fit, in words."""
    if others := _other_shapes(net, weights):
        return _first(others)
    missing, unexpected = net.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not _is_tied(net, name, weights)]
    lacks = [f"it lacks {_first(missing)}"] if missing else []
    others = [f"the net has no {_first(unexpected)}"] if unexpected else []
    return "; ".join([*lacks, *others])


def read_weights(path: Path) -> dict[str, Weights]:
    """Every set of weights of a file, by where it lies, such as `state_dict` in a checkpoint.

    Raises:
        InputError: it holds Python objects, which are never unpickled.
        ValueError: no state dict, or the file is damaged.
    """
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return {"": load_file(path)}
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
    return _sets(found)


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


def _sets(found: Any) -> dict[str, Weights]:
    if not isinstance(found, Mapping):
        raise ValueError(f"it must hold a state dict; it holds {type(found).__name__}")
    sets = dict(_sets_inside(found))
    if not sets:
        names = ", ".join(map(str, list(found)[:3]))
        raise ValueError(f"it must hold a state dict; it holds {names or 'nothing'}")
    return sets


def _sets_inside(found: Mapping[Any, Any], place: str = "") -> Iterator[tuple[str, Weights]]:
    """Mappings of names to tensors, at any depth, and where each lies."""
    if not found or not all(isinstance(name, str) for name in found):
        return  # what an optimiser keeps has numbers
    if all(isinstance(value, torch.Tensor) for value in found.values()):
        yield place, dict(found)
        return
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _sets_inside(value, f"{place}.{name}" if place else name)


def _candidates(found: Mapping[str, Weights], wanted: Set[str]) -> Iterator[tuple[str, _Candidate]]:
    """Every set without its prefixes, then the parts of one that lacks names of the net."""
    for place, weights in found.items():
        whole = _without_prefixes(weights, wanted)
        yield place, _Candidate(whole, [])
        if not wanted <= whole.keys():
            for prefix, part in _parts(weights, wanted).items():
                beside = [name for name in weights if not name.startswith(prefix)]
                yield f"{place}.{prefix}".strip("."), _Candidate(part, beside)


def _parts(weights: Weights, wanted: Set[str]) -> dict[str, Weights]:
    """What lies under each prefix that has all names of the net, without it."""
    first = min(wanted)
    prefixes = [name.removesuffix(first) for name in weights if name.endswith(f".{first}")]
    below = {
        prefix: {
            name.removeprefix(prefix): value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
        for prefix in prefixes
    }
    return {prefix: part for prefix, part in below.items() if wanted <= part.keys()}


def _without_prefixes(weights: Weights, wanted: Set[str]) -> Weights:
    """The weights without what all names begin with, as DataParallel and others write it."""
    if not any(name.endswith(_OF_AVERAGING) for name in wanted):
        weights = {k: value for k, value in weights.items() if not k.endswith(_OF_AVERAGING)}
    best = weights
    while weights := _without_prefix(weights):
        if len(weights.keys() & wanted) > len(best.keys() & wanted):
            best = weights
    return best


def _without_prefix(weights: Weights) -> Weights:
    """The weights without the first part of all names; empty if there is no such part."""
    first, dot, _ = next(iter(weights), "").partition(".")
    prefix = first + dot
    if not dot or not all(name.startswith(prefix) for name in weights):
        return {}
    return {name.removeprefix(prefix): value for name, value in weights.items()}


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
