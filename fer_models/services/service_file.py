"""How an HTTP service is asked and what it answers: a file `NAME.http.toml`.

    url = "http://127.0.0.1:8000/predict"
    send = "png"
    scores = "predictions[*].scores"
    output = "probabilities"
    classes = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]

A bare URL on the command line means the file in the working folder that names it. Reads these
files; asks nothing. Needs neither Keras nor a network.
"""

import hashlib
import json
import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from datasets.base.errors import InputError, first_fault
from datasets.base.special_files import refuse_special_file
from fer_models.contract import Output

ENDING = ".http.toml"
IMAGE = "$image"
"""In `body`: replaced by the image; a list of one element that holds it repeats for each image."""
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")
_OF_ASKING = {"batch", "parallel", "timeout", "tries", "budget", "headers_from"}
"""Fields that change how fast a service is asked, not what it is; `headers_from` is added apart."""

Place = str | int | None
"""A step into a JSON answer: a key, an index, or None for every image of the request."""


class Send(StrEnum):
    """How an image is sent; `base64` and `pixels` are JSON."""

    PNG = "png"
    MULTIPART = "multipart"
    BASE64 = "base64"
    PIXELS = "pixels"


_ONLY_FOR = {
    "field": (Send.MULTIPART,),
    "body": (Send.BASE64, Send.PIXELS),
    "low": (Send.PIXELS,),
    "high": (Send.PIXELS,),
}
"""Fields that only some ways of sending have."""


class ServiceFile(BaseModel):
    """What `NAME.http.toml` says.

    Attributes:
        url: http or https, without a name or password.
        send: a PNG as the body, a form with a file, or JSON with a PNG in base64 or nested lists.
        field: of the form.
        body: the JSON, with `$image` where the image stands.
        low: value of a black pixel among nested lists.
        high: value of a white one.
        scores: where each image's scores are in the answer, such as `predictions[*].scores`.
        label: the same of a class name or index, for a service that tells no scores.
        output: what the scores are.
        classes: in the order of the scores, or as the answer names them.
        height: of the images that are sent, pixels.
        width: likewise.
        channels: 1 (grey) or 3 (RGB).
        batch: most images in a request.
        parallel: most requests at once.
        timeout: seconds for one request.
        tries: of one request, before the service counts as failed.
        budget: most images that a run asks about, None for any number.
        headers_from: names of headers, and of the environment variables that hold their values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    url: str
    send: Send = Send.PNG
    field: str = Field(default="file", min_length=1)
    body: dict[str, Any] | list[Any] = {"image": IMAGE}
    low: float = 0.0
    high: float = 255.0
    scores: str | None = None
    label: str | None = None
    output: Output | None = None
    classes: tuple[str, ...] | None = Field(default=None, min_length=2)
    height: int = Field(default=48, ge=1, le=1024)
    width: int = Field(default=48, ge=1, le=1024)
    channels: Literal[1, 3] = 1
    batch: int = Field(default=1, ge=1, le=128)
    parallel: int = Field(default=4, ge=1, le=64)
    timeout: float = Field(default=30.0, gt=0, le=600)
    tries: int = Field(default=6, ge=1, le=20)
    budget: int | None = Field(default=None, ge=1)
    headers_from: dict[str, str] = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_url(self.url)
        if (self.scores is None) == (self.label is None):
            raise ValueError("say where the scores are (scores) or the label (label), one of them")
        if self.scores is not None and self.output is None:
            raise ValueError('say what the scores are: output = "probabilities" or "logits"')
        if self.label is not None and self.classes is None:
            raise ValueError("list the class names that the service may answer: classes")
        if self.label is not None and self.output is not None:
            raise ValueError("output is of scores; a label has none: leave it out")
        if self.classes and len({name.strip().lower() for name in self.classes}) < len(
            self.classes
        ):
            raise ValueError("classes must differ from each other")
        for name, users in _ONLY_FOR.items():
            if name in self.model_fields_set and self.send not in users:
                raise ValueError(f"{name} is of send = {' or '.join(users)}: leave it out")
        if self.low == self.high:
            raise ValueError("low and high must differ")
        self._check_batches()
        return self

    def _check_batches(self) -> None:
        every = places(self.answer).count(None)
        if every > 1:
            raise ValueError(f"{self.answer!r} may hold one [*], for the images of a request")
        if self.send in (Send.BASE64, Send.PIXELS) and _count(self.body) != 1:
            raise ValueError(f"body must hold {IMAGE!r} once, where the image stands")
        if self.batch == 1:
            return
        if self.send is Send.PNG:
            raise ValueError('send = "png" is one image per request: leave out batch')
        if not every:
            raise ValueError(
                f"with a batch, {self.answer!r} must say with [*] which list has an entry per image"
            )
        if self.send is not Send.MULTIPART and (lists := _repeats(self.body)) != 1:
            raise ValueError(
                f'with a batch, body must hold one list such as ["{IMAGE}"], of one element that '
                f"holds the image; got {lists}"
            )

    @property
    def answer(self) -> str:
        """Path of the scores or of the label."""
        return (self.label if self.scores is None else self.scores) or ""

    @property
    def labels_only(self) -> bool:
        """Whether the service returns a label and no scores."""
        return self.scores is None

    @property
    def as_contract(self) -> dict[str, Any]:
        """Fields of a contract that it says: pixels are levels from 0 to 255, as they are sent."""
        said = {name: getattr(self, name) for name in ("height", "width", "channels")}
        named = {"classes": self.classes} if self.classes else {}
        return said | named | {"low": 0.0, "high": 255.0, "output": self.output or Output.LOGITS}

    @property
    def sha256(self) -> str:
        """Hex sha256 of URL, request and answer: what makes this another service.

        A header may choose between models, and its value may be a key that changes. So headers
        count by their names and variables.
        """
        told = self.model_dump_json(exclude=_OF_ASKING)
        if self.headers_from:  # without any, the hash is that of older versions
            told += json.dumps(self.headers_from, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def shown_url(self) -> str:
        """The URL without its query, which may hold a key."""
        return urlunsplit(urlsplit(self.url)._replace(query=""))


def is_service(name: str) -> bool:
    """Whether a model's name means an HTTP service."""
    return name.endswith(ENDING) or _is_url(name)


def service_name(name: str) -> str:
    """Name of a service in results: of its file, or the last part of its URL."""
    if not _is_url(name):
        return Path(name).name.removesuffix(ENDING)
    parts = urlsplit(name)
    return Path(parts.path).name or parts.netloc.replace(":", "-")


def service_path(name: str) -> Path:
    """The file of a service, given by its path or by the URL that it names.

    Raises:
        InputError: there is none, or several name the URL.
    """
    if not _is_url(name):
        return Path(name)
    try:
        _check_url(name)
    except ValueError as error:
        host = urlsplit(name).hostname  # what comes before it may be a password
        raise InputError(f"{host or name}: {error}. Correct it.") from None
    found, damaged = [], []
    for path in sorted(Path().glob(f"*{ENDING}")):
        try:
            if read_service_file(path).url == name:
                found.append(path)
        except InputError as error:
            damaged.append(error)
    if len(found) == 1:
        return found[0]
    shown = urlunsplit(urlsplit(name)._replace(query=""))
    if not found and damaged:
        readable = f"no *{ENDING} in this folder that can be read names it"
        raise InputError(f"{shown}: {readable}; {damaged[0]}")
    if found:
        raise InputError(
            f"{shown}: {' and '.join(map(str, found))} name this URL: pass one of them."
        )
    raise InputError(
        f"{shown}: no *{ENDING} in this folder names it, so how to ask it is unknown. Write one "
        "with url, send, scores and classes (docs/bring-your-model.md); if it is a model file, "
        "download it and give its path."
    )


def read_service(name: str) -> ServiceFile:
    """Read the file of a service, given by its path or URL.

    Raises:
        InputError: missing, not TOML, or a field is missing, unknown or impossible.
    """
    return read_service_file(service_path(name))


def read_service_file(path: Path) -> ServiceFile:
    """Read a file; errors as for `read_service`."""
    refuse_special_file(path, "a service's contract")
    try:
        return ServiceFile.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: expected a service's contract, found no such file. Correct the path."
        ) from error
    except ValidationError as error:
        raise InputError(_damaged(path, first_fault(error))) from error
    except (ValueError, RecursionError, OSError) as error:  # TOML or encoding, a folder
        raise InputError(_damaged(path, " ".join(str(error).split()))) from error


def _damaged(path: Path, words: str) -> str:
    return (
        f"{path}: expected a service's contract; {words}. Correct it; docs/bring-your-model.md "
        "lists the fields."
    )


def places(path: str) -> tuple[Place, ...]:
    """Steps of a path such as `predictions[*].scores`; empty for the whole answer.

    Raises:
        ValueError: it is not such a path.
    """
    found: list[Place] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise ValueError(f"{path!r} must be keys and indices such as predictions[*].scores")
        key, index = step.groups()
        found.append(key if key else None if index == "*" else int(index))
        at = step.end()
    return tuple(found)


def _is_url(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url must be http://HOST/PATH or https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url must not hold a name or password; take headers_from")
    if parts.fragment:
        raise ValueError("url must not hold a #")
    _ = parts.port  # raises ValueError outside 0 to 65535


def _count(body: Any) -> int:
    """How often the image stands in a body."""
    if isinstance(body, dict | list):
        return sum(map(_count, body.values() if isinstance(body, dict) else body))
    return int(body == IMAGE)


def _repeats(body: Any) -> int:
    """How many lists of one element the image stands in."""
    if isinstance(body, list):
        return int(len(body) == 1 and _count(body) == 1) + sum(map(_repeats, body))
    return sum(map(_repeats, body.values())) if isinstance(body, dict) else 0
