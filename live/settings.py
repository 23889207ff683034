"""Settings: all choices of a viewer, validated once on arrival.

The page, the window and the photo form share this class.
"""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from attacks.corruptions.base import SEVERITIES
from attacks.registry import CORRUPTIONS
from datasets.base.errors import InputError
from faces.detectors import DETECTORS

ATTACKS: dict[str, str] = {
    "fgsm": "",
    "pgd": "steps",
    "apgd": "steps",
    "square": "queries",
    "pgd_glasses": "steps",
    "universal": "",
    "sticker": "",
    "noise": "",
}
"""Attacks fast enough for a camera, each with the setting that `steps` controls."""

PRECOMPUTED = ("universal", "sticker")
"""Attacks computed in advance, see `live.precomputed`."""

PRINTED = ("pgd_glasses", "sticker")
"""Attacks printed on an object in any shade of grey: eps is always 1."""

Model = TypeVar("Model", bound=BaseModel)

DEFENCES = ("jpeg75", "bits3", "blur0.8", "tv0.1", "resize_pad4", "smooth0.1")
MOST_EPS = 32


class Settings(BaseModel):
    """One viewer's choices.

    Attributes:
        model: id of the classifier to run and attack; empty: the server's default.
        second: id of a second classifier for comparison; empty: none.
        defence: defence in front of both, see `DEFENCES`; empty: none.
        attack: one of `ATTACKS`, or a corruption; empty: none.
        eps: Linf radius of an attack in 255ths.
        steps: steps of an iterative attack.
        severity: severity of a corruption.
        target: class the attack must reach; empty: any other class.
        repeat: equal predictions in a row before a label changes.
        detector: see `faces.detectors`.
        both_eyes: only faces with both eyes visible.
        many: all faces, or only the largest.
        landmarks: show points, hulls and blinks.
        heat: show Grad-CAM of the first classifier.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: Annotated[str, Field(max_length=200)] = ""
    second: Annotated[str, Field(max_length=200)] = ""
    defence: Annotated[str, Field(max_length=20)] = ""
    attack: Annotated[str, Field(max_length=40)] = ""
    eps: Annotated[float, Field(ge=0, le=MOST_EPS)] = 4.0
    steps: Annotated[int, Field(ge=1, le=100)] = 10
    severity: Annotated[int, Field(ge=SEVERITIES[0], le=SEVERITIES[-1])] = 3
    target: Annotated[str, Field(max_length=40)] = ""
    repeat: Annotated[int, Field(ge=1, le=10)] = 1
    detector: str = "haar"
    both_eyes: bool = False
    many: bool = True
    landmarks: bool = False
    heat: bool = False

    @field_validator("attack")
    @classmethod
    def _known_attack(cls, name: str) -> str:
        return _one_of(name, ("", *ATTACKS, *CORRUPTIONS))

    @field_validator("defence")
    @classmethod
    def _known_defence(cls, name: str) -> str:
        return _one_of(name, ("", *DEFENCES))

    @field_validator("detector")
    @classmethod
    def _known_detector(cls, name: str) -> str:
        return _one_of(name, tuple(DETECTORS))

    @property
    def models(self) -> tuple[str, ...]:
        """Ids of the classifiers to load, defence included."""
        suffix = f"+{self.defence}" if self.defence else ""
        return tuple(dict.fromkeys(f"{m}{suffix}" for m in (self.model, self.second) if m))


def parse_settings(values: str | bytes | dict[str, Any]) -> Settings:
    """Parse settings from JSON or plain values; missing ones get their defaults.

    Raises:
        InputError: not JSON, an unknown name, or a value out of range.
    """
    return checked(Settings, values)


def checked(kind: type[Model], values: str | bytes | dict[str, Any]) -> Model:
    """Parse a pydantic model from JSON or plain values.

    Raises:
        InputError: names the first invalid value.
    """
    try:
        if isinstance(values, dict):
            return kind.model_validate(values)
        return kind.model_validate_json(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "settings"
        raise InputError(f"`{place}`: {first['msg']}; got {str(first['input'])[:60]!r}.") from None


def _one_of(name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        raise ValueError(f"must be one of {', '.join(k or 'nothing' for k in known)}")
    return name
