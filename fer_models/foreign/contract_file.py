"""The contract of a foreign model as a small JSON or TOML file next to the model.

`net.tflite` has `net.tflite.contract.json` (or `.toml`):

    {"classes": ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"],
     "height": 48, "width": 48, "channels": 1, "low": -1, "high": 1, "output": "probabilities"}

A file that leaves out classes, size or scaling is partial: the probe finds what is missing.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from datasets.labels import FER7, FERPLUS8, LabelScheme
from fer_models.contract import Contract, Output, PixelStep
from fer_models.foreign.names import is_code

_Kind = TypeVar("_Kind", "ContractFile", "PartialContract")
_NAMES = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}
"""Synonyms of the seven FER classes."""


class ContractFile(BaseModel):
    """What a model expects and returns; classes are listed in the order of its outputs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    classes: tuple[str, ...] = Field(min_length=2)
    height: int = Field(ge=1, le=1024)
    width: int = Field(ge=1, le=1024)
    channels: Literal[1, 3]
    low: float = 0.0
    high: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    output: Output = Output.LOGITS
    steps: tuple[PixelStep, ...] = ()

    def contract(self) -> tuple[Contract, list[int]]:
        """The contract in Deadpan's class order, and the index of each class among the outputs."""
        scheme, order = match_scheme(self.classes)
        fields = self.model_dump(exclude={"classes"})
        return Contract(scheme=scheme, **fields), order


class PartialContract(BaseModel):
    """What a contract file says; fields as in `ContractFile`, None where it says nothing."""

    model_config = ContractFile.model_config

    classes: tuple[str, ...] | None = Field(default=None, min_length=2)
    height: int | None = Field(default=None, ge=1, le=1024)
    width: int | None = Field(default=None, ge=1, le=1024)
    channels: Literal[1, 3] | None = None
    low: float | None = None
    high: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    output: Output | None = None
    steps: tuple[PixelStep, ...] | None = None

    @property
    def scaling(self) -> dict[str, Any] | None:
        """The fields of scaling that the file gives; None when it gives none of them."""
        names = ("low", "high", "mean", "std", "steps")
        given = {name: getattr(self, name) for name in names}
        found = {name: value for name, value in given.items() if value is not None}
        return found or None

    @property
    def missing(self) -> list[str]:
        """What the probe must find: classes, size (of the model's file), scaling."""
        return [
            *(["classes"] if self.classes is None else []),
            *(["size"] if None in (self.height, self.width, self.channels) else []),
            *(["scaling"] if self.scaling is None else []),
        ]


def match_scheme(classes: tuple[str, ...]) -> tuple[LabelScheme, list[int]]:
    """Match class names, in any order and wording, to FER or FER+; else make a new scheme.

    Returns:
        The scheme, and for each of its classes the index in `classes`.
    """
    found = [_plain(name) for name in classes]
    for scheme in (FER7, FERPLUS8):
        wanted = [_plain(name) for name in scheme.classes]
        if sorted(found) == sorted(wanted):
            return scheme, [found.index(name) for name in wanted]
    return LabelScheme("foreign", tuple(classes)), list(range(len(classes)))


def find_contract(model: Path) -> Path | None:
    """Path of the contract file next to a model, if there is one."""
    names = dict.fromkeys((_file_name(model), model.name))  # the latter as it was once written
    files = [
        model.with_name(f"{name}.contract{end}") for name in names for end in (".json", ".toml")
    ]
    return next((file for file in files if file.exists()), None)


def contract_path(model: str) -> Path:
    """Where the contract of a model is written; `module.callable` for code, as Windows needs."""
    path = Path(model)
    return path.with_name(f"{_file_name(path)}.contract.json")


def known_contract(model: str) -> PartialContract:
    """What the contract file next to a model says; nothing when there is none.

    Raises:
        InputError: the file is damaged.
    """
    file = find_contract(Path(model))
    return PartialContract() if file is None else read_partial(file)


def has_whole_contract(model: str) -> bool:
    """Whether the file next to a model says classes, size and scaling.

    Raises:
        InputError: the file is damaged.
    """
    return not known_contract(model).missing


def contract_of(name: str) -> ContractFile:
    """Read the contract next to a model given by path or `module:callable`.

    Raises:
        InputError: there is no such model or no contract, or the contract is damaged.
    """
    if not (is_code(name) or Path(name).exists()):
        raise InputError(f"{name}: expected a model, found no such file.")
    contract = find_contract(Path(name))
    if contract is None:
        raise InputError(
            f"{name}: no contract says what its pixels and outputs mean. Write "
            f"{contract_path(name)}, or let `python -m fer_models.probe {name} --data DIR --write` "
            "find it."
        )
    return read_contract(contract)


def identity(model_sha256: str, file: ContractFile) -> str:
    """Hex sha256 of a model and its contract: another scaling means other cached attacks."""
    return hashlib.sha256(f"{model_sha256} {file.model_dump_json()}".encode()).hexdigest()


def read_contract(path: Path) -> ContractFile:
    """Read a contract file.

    Raises:
        InputError: missing, not JSON or TOML, or a field is missing, unknown or impossible.
    """
    missing = read_partial(path).missing
    if missing:
        raise InputError(
            f"{path}: expected a whole contract; it does not say {' and '.join(missing)}. Add "
            "them, or let `python -m fer_models.probe MODEL --data DIR --write` find them."
        )
    return _validated(path, ContractFile)


def read_partial(path: Path) -> PartialContract:
    """Read a contract file that may leave out fields.

    Raises:
        InputError: missing, not JSON or TOML, or a field is unknown or impossible.
    """
    return _validated(path, PartialContract)


def _validated(path: Path, kind: type[_Kind]) -> _Kind:
    try:
        text = path.read_text("utf-8-sig")  # editors of Windows write a BOM
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        file = kind.model_validate(data)
        if isinstance(file, ContractFile):
            file.contract()
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a contract, found no such file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{place}: " for place in first["loc"])
        raise InputError(f"{path}: expected a contract; {where}{first['msg']}.") from error
    except RecursionError as error:
        raise InputError(f"{path}: expected a contract, found brackets nested too deep.") from error
    except ValueError as error:  # JSON, TOML, encoding, or values that contradict each other
        raise InputError(f"{path}: expected a contract; {error}") from error
    return file


def write_contract(file: ContractFile, path: Path) -> None:
    """Write a contract as JSON, atomically."""
    with atomic(path) as unfinished:
        unfinished.write_text(file.model_dump_json(indent=2) + "\n")


def _file_name(model: Path) -> str:
    return model.name.replace(":", ".") if is_code(str(model)) else model.name


def _plain(name: str) -> str:
    lower = name.strip().lower()
    return _NAMES.get(lower, lower)
