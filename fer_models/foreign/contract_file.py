"""The contract of a foreign model as a small JSON or TOML file next to the model.

`net.tflite` has `net.tflite.contract.json` (or `.toml`):

    {"classes": ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"],
     "height": 48, "width": 48, "channels": 1, "low": -1, "high": 1, "output": "probabilities"}

A file that leaves out classes, size or scaling is partial: the probe finds what is missing.
All fields are explained in `docs/add-a-model.md`.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from datasets.base.atomic import atomic
from datasets.base.errors import InputError, first_fault
from datasets.base.special_files import refuse_special_file
from fer_models.contract import Contract, Output, PixelStep, Resampling
from fer_models.foreign.class_order import check_columns, match_scheme
from fer_models.foreign.names import contract_path, find_contract, is_code
from fer_models.given_objects import given_model, is_given
from fer_models.hub.folder_contract import said_by_folder, with_contract_file
from fer_models.hub.hugging_face import PREPROCESSOR, is_hugging_face
from fer_models.services.service_file import ServiceFile, is_service, read_service, service_path

_Kind = TypeVar("_Kind", "ContractFile", "PartialContract")

_Side = Annotated[int, Field(ge=1, le=1024)]
_Column = Annotated[int, Field(ge=0)]
_OF_OUTPUTS = frozenset({"output_name", "output_index", "columns"})
_NEW = _OF_OUTPUTS | frozenset(
    {"resampling", "crop_from", "crop_share", "keep_aspect", "eight_bit_resize"}
)
"""Fields that older contracts lack; at their defaults they change no identity."""


class ContractFile(BaseModel):
    """What a model expects and returns; classes are listed in the order of its outputs.

    Attributes beyond those of `Contract`:
        crop_from: rows and columns that images are resized to before the centre is cut out.
        crop_share: the same, as the share of each side that the crop keeps.
        output_name: which output holds the emotions, if there are several.
        output_index: the same, by its place.
        columns: which columns of that output the classes are, in their order; all when None.
    """

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
    resampling: Resampling = Resampling.BILINEAR
    crop_from: tuple[_Side, _Side] | None = None
    crop_share: float | None = Field(default=None, gt=0, le=1)
    keep_aspect: bool = False
    eight_bit_resize: bool = False
    output_name: str | None = None
    output_index: int | None = None
    columns: tuple[_Column, ...] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        match_scheme(self.classes)
        if self.columns is not None:
            check_columns(self.columns, self.classes)
        _check_pairs(self)
        self.contract()  # its own rules
        return self

    def contract(self) -> tuple[Contract, list[int]]:
        """The contract in Deadpan's class order, and the index of each class among the outputs."""
        scheme, order = match_scheme(self.classes)
        fields = self.model_dump(exclude={"classes", "crop_from", "crop_share", *_OF_OUTPUTS})
        return Contract(scheme=scheme, **fields, resized=self._resized), order

    @property
    def _resized(self) -> tuple[int, int] | None:
        if self.crop_share is None:
            return self.crop_from
        return round(self.height / self.crop_share), round(self.width / self.crop_share)


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
    resampling: Resampling | None = None
    crop_from: tuple[_Side, _Side] | None = None
    crop_share: float | None = Field(default=None, gt=0, le=1)
    keep_aspect: bool | None = None
    eight_bit_resize: bool | None = None
    output_name: str | None = None
    output_index: int | None = None
    columns: tuple[_Column, ...] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.classes is not None:
            match_scheme(self.classes)
        if self.columns is not None and self.classes is not None:
            check_columns(self.columns, self.classes)
        _check_pairs(self)
        return self

    @property
    def kept(self) -> dict[str, Any]:
        """What the file says of resizing and outputs; a probe finds none of it and keeps it."""
        return {name: value for name in _NEW if (value := getattr(self, name)) is not None}

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


def _check_pairs(file: "ContractFile | PartialContract") -> None:
    if file.output_name is not None and file.output_index is not None:
        raise ValueError("say `output_name` or `output_index`, not both")
    if file.crop_from is not None and file.crop_share is not None:
        raise ValueError("say `crop_from` or `crop_share`, not both")


_STEP = "Correct it; docs/add-a-model.md lists the fields."
NOTHING_KNOWN = PartialContract()
"""What is known of a model without a contract file."""


def known_contract(model: str) -> PartialContract:
    """What the contract file next to a model says, and a Hugging Face folder's own files.

    The contract file holds where both say something. The file of a service is its contract; one
    next to it adds the classes that a probe found.

    Raises:
        InputError: a file is damaged.
    """
    if is_given(model):
        with _one_line_errors(model):
            return PartialContract.model_validate(given_model(model).contract)
    file = find_contract(model)
    given = NOTHING_KNOWN if file is None else read_partial(file)
    if is_service(model):
        service = read_service(model)
        with _one_line_errors(service_path(model)):
            return _of_service(service, given)
    if not is_hugging_face(model):
        return given
    fields = given.model_dump(exclude_none=True)
    said = said_by_folder(model, with_classes="classes" not in fields)
    with _one_line_errors(f"{model}, its {PREPROCESSOR}"):
        return PartialContract.model_validate(with_contract_file(model, said, fields))


def names_classes(model: str) -> bool:
    """Whether the contract file next to a model names its classes."""
    file = find_contract(model)
    return file is not None and read_partial(file).classes is not None


def says_pixels(model: str) -> bool:
    """Whether the contract file next to a model gives size and scaling."""
    file = find_contract(model)
    return file is not None and not {"size", "scaling"} & {*read_partial(file).missing}


def contract_of_folder(model: str, classes: tuple[str, ...]) -> ContractFile:
    """The contract of these classes that the preprocessor's file in a folder alone would give.

    Raises:
        InputError: the file is damaged.
    """
    said = said_by_folder(model, with_classes=False)
    with _one_line_errors(f"{model}, its {PREPROCESSOR}"):
        return ContractFile.model_validate(said | {"classes": classes})


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
    if is_service(name):
        return _whole_of_service(name)
    if is_given(name):
        with _one_line_errors(name):
            return ContractFile.model_validate(given_model(name).contract)
    if is_hugging_face(name):
        known = known_contract(name)
        if known.missing:
            raise InputError(
                f"{name}: no {PREPROCESSOR} says {' and '.join(known.missing)}. Copy it beside "
                f"config.json, or write them in {contract_path(name)}."
            )
        with _one_line_errors(f"{name}, its {PREPROCESSOR}"):
            return ContractFile.model_validate(known.model_dump(exclude_none=True))
    if not (is_code(name) or Path(name).exists()):
        raise InputError(f"{name}: expected a model, found no such file.")
    contract = find_contract(name)
    if contract is None:
        raise InputError(
            f"{name}: no contract says what its pixels and outputs mean. Write "
            f"{contract_path(name)}, or let `python -m fer_models.probe {name} --data DIR --write` "
            "find it."
        )
    return read_contract(contract)


def identity(model_sha256: str, file: ContractFile) -> str:
    """Hex sha256 of a model and its contract: another scaling means other cached attacks."""
    old = {name for name in _NEW if getattr(file, name) == type(file).model_fields[name].default}
    said = file.model_dump_json(exclude=old)
    return hashlib.sha256(f"{model_sha256} {said}".encode()).hexdigest()


def read_contract(path: Path) -> ContractFile:
    """Read a contract file.

    Raises:
        InputError: missing, not JSON or TOML, or a field is missing, unknown or impossible.
    """
    missing = read_partial(path).missing
    if missing:
        raise InputError(
            f"{path}: expected a complete contract; it does not say {' and '.join(missing)}. Add "
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
    with _one_line_errors(path):
        refuse_special_file(path, "a contract")
        text = path.read_text("utf-8-sig")  # editors of Windows write a BOM
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        return kind.model_validate(data)


@contextmanager
def _one_line_errors(where: object) -> Iterator[None]:
    """Whatever a contract is not, as one line that begins with its file or model."""
    try:
        yield
    except InputError:  # a line already, as on an object that is not given any more
        raise
    except FileNotFoundError as error:
        raise InputError(f"{where}: expected a contract, found no such file.") from error
    except IsADirectoryError as error:
        raise InputError(f"{where}: expected a contract, found a folder. Remove it.") from error
    except ValidationError as error:
        raise InputError(f"{where}: expected a contract; {first_fault(error)}. {_STEP}") from error
    except RecursionError as error:
        words = "found brackets nested too deep"
        raise InputError(f"{where}: expected a contract, {words}. {_STEP}") from error
    except ValueError as error:  # JSON, TOML or encoding
        raise InputError(f"{where}: expected a contract; {error}. {_STEP}") from error


def write_contract(file: ContractFile | PartialContract, path: Path) -> None:
    """Write a contract as JSON, atomically."""
    with atomic(path) as unfinished:
        unfinished.write_text(file.model_dump_json(indent=2) + "\n")


def _of_service(service: ServiceFile, beside: PartialContract) -> PartialContract:
    """The contract of a service; a ValueError where the one beside it says more than classes."""
    own = {"classes": beside.classes} | service.as_contract
    others = [
        name
        for name, field in ContractFile.model_fields.items()
        if getattr(beside, name) not in (None, own.get(name, field.default))
    ]
    if others:
        raise ValueError(
            f"the one beside it may name classes alone, and says {' and '.join(others)} otherwise: "
            "leave that out there"
        )
    return PartialContract.model_validate(own)


def _whole_of_service(name: str) -> ContractFile:
    known = known_contract(name)
    if known.missing:
        raise InputError(
            f"{service_path(name)}: does not name the classes in the order of the scores. Add "
            f"classes, or let `python -m fer_models.probe {name} --data DIR --write` find them."
        )
    return ContractFile.model_validate(known.model_dump(exclude_none=True))
