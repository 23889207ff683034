"""The tiers that a run starts from: TOML files in `evaluation/tier_files/`, or a user's own.

Read here into a `TierSettings`. Not here: options that override it (`evaluation/configure.py`).
"""

import tomllib
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from attacks.threat_model import Norm, parse_eps
from datasets.base.errors import InputError, first_fault
from datasets.base.special_files import refuse_special_file
from datasets.labels import LabelSet
from evaluation.config import AttackSettings, Certification
from evaluation.request import RunRequest

TIER_FILES = Path(__file__).parent / "tier_files"
_OF_ATTACKS = {"all_faces_for_first", "black_boxes_only", "labels_only", "headline_only"}
"""Settings that a transfer set has no use for."""
_OPTIONS = {field.name for field in fields(RunRequest)}


class Tier(StrEnum):
    """Shipped tiers, from seconds to days."""

    QUICK = "quick"
    SMOKE = "smoke"
    STANDARD = "standard"
    FULL = "full"


class TierSettings(BaseModel):
    """What a tier's TOML file holds.

    `eps`, `limit` and `certification` are defaults of the options `--eps`, `--limit` and
    `--certify` (`evaluation/request.py`); the rest has no option.

    Attributes:
        limit: number of faces, None for all.
        severities: severities of every corruption, 1 to 5.
        corruptions: registered names.
        certification: how radii are certified, None for no certificates.
        eps: grid of each norm, as users write it ("4/255").
        attacks: registered attacks with their options, the cheapest first.
        transfer: attack that makes each model's transfer set, None for no transfer matrix.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = Field(default=None, ge=1, strict=True)
    severities: tuple[Annotated[int, Field(ge=1, le=5, strict=True)], ...]
    corruptions: tuple[str, ...]
    certification: Certification | None = None
    eps: dict[Norm, Annotated[tuple[str, ...], Field(min_length=1)]]
    attacks: tuple[AttackSettings, ...]
    transfer: AttackSettings | None = None

    @field_validator("severities")
    @classmethod
    def _ascending(cls, severities: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(severities)))


def tier_path(tier: str) -> Path:
    """Return the file of a tier, or the user's own.

    Raises:
        InputError: neither a tier nor a TOML file.
    """
    if tier in list(Tier):
        return TIER_FILES / f"{tier}.toml"
    if not tier.endswith(".toml"):
        raise InputError(f"--tier must be {', '.join(Tier)} or a TOML file; got {tier!r}.")
    return Path(tier)


def read_tier(path: Path) -> TierSettings:
    """Read a tier's file.

    Raises:
        InputError: the file is missing or not TOML; a field is missing, unknown or of the wrong
            type; an attack or corruption is not registered, named twice or has no such option.
    """
    settings = _parse_tier(path)
    for place, names in (
        ("corruptions", list(settings.corruptions)),
        ("attacks", [attack.name for attack in settings.attacks]),
    ):
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"{path}: {place}: {twice[0]} is named twice. Leave one out.")
    if path.parent == TIER_FILES:
        return settings
    try:
        return _registered(settings)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _registered(settings: TierSettings) -> TierSettings:
    """Return the settings with their attacks' options parsed, after building every spec once.

    Attacks need Keras, so shipped tiers are not checked here but by a test.
    """
    from fer_models.backend import quiet_backend

    quiet_backend()
    from attacks.options import read_options
    from attacks.registry import ATTACKS, attack_spec, corruption_spec

    def settled(attack: AttackSettings) -> AttackSettings:
        words = [f"{name}={value}" for name, value in attack.options.items()]
        options = read_options(attack.name, words)
        for norm in [norm for norm in settings.eps if norm in ATTACKS[attack.name].norms]:
            grid = sorted({parse_eps(word) for word in settings.eps[norm]})
            attack_spec(attack.name, norm, grid, LabelSet.FER, **options)
        return AttackSettings.model_validate(attack.model_dump() | options)

    if settings.corruptions and not settings.severities:
        raise InputError("severities must contain at least one of 1 to 5; got none.")
    for name in settings.corruptions:
        corruption_spec(name, settings.severities)
    attacks = tuple(map(settled, settings.attacks))
    if settings.transfer and (unused := settings.transfer.model_fields_set & _OF_ATTACKS):
        raise InputError(
            f"transfer: {sorted(unused)[0]} is for attacks; the transfer set is made on every "
            "model with gradients, at the headline eps. Leave it out."
        )
    transfer = settled(settings.transfer) if settings.transfer else None
    return settings.model_copy(update={"attacks": attacks, "transfer": transfer})


def _parse_tier(path: Path) -> TierSettings:
    refuse_special_file(path, "a tier's TOML file")
    try:
        return TierSettings.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise InputError(f"{path}: expected a tier's TOML file, {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden" and place in _OPTIONS:
            raise InputError(
                f"{path}: {place} is not part of a tier. Give it as --{place} instead."
            ) from error
        got = f"; got {first['input']!r}" if first["type"] == "value_error" else ""
        raise InputError(f"{path}: {first_fault(error)}{got}.") from error
    except (ValueError, RecursionError) as error:  # TOML, encoding, a number of 5000 digits
        raise InputError(f"{path}: expected TOML, found {error}.") from error
