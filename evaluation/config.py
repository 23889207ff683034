"""What a run measures, frozen, and the presets (tiers) it starts from.

Two runs with equal `RunConfig`s on equal data give the same `results.csv`.
"""

import tomllib
from enum import StrEnum
from itertools import pairwise
from numbers import Integral
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from attacks.precision import Precision
from attacks.threat_model import Norm, check_eps, format_eps, parse_eps
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.labels import LabelSet
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import headline_eps

PRESETS = Path(__file__).parent / "presets"


class Tier(StrEnum):
    """How much is attacked, from minutes to days."""

    SMOKE = "smoke"
    STANDARD = "standard"
    FULL = "full"


class AttackSettings(BaseModel):
    """One attack of a preset: its registered name and the options it takes.

    Attributes:
        name: in the registry.
        limit: first faces of the run that it attacks, None for all.
        black_boxes_only: whether models with gradients are spared, having stronger attacks.
        headline_only: norms in which it runs at the eps of the verdict alone (`headline_eps`),
            where a cheaper attack serves the rest of the curve.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    limit: int | None = Field(default=None, ge=1, strict=True)
    black_boxes_only: bool = False
    headline_only: tuple[Norm, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The attack's own options, such as steps and restarts."""
        return dict(self.model_extra or {})


class Certification(BaseModel):
    """Certified radii by randomised smoothing, see `evaluation/stages/certification.py`.

    Attributes:
        sigmas: of the Gaussian noise, pixels in [0, 1], in (0, 1].
        selection: noisy answers a face that choose its class.
        samples: other noisy answers a face that bound the share of that class.
        alpha: chance that a certificate is wrong.
        limit: first faces of the run that are certified, None for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sigmas: tuple[float, ...]
    selection: int = Field(default=100, ge=1)
    samples: int = Field(default=1000, ge=1)
    alpha: float = Field(default=0.001, gt=0, lt=0.5)
    limit: int | None = Field(default=None, ge=1, strict=True)

    @field_validator("sigmas")
    @classmethod
    def _ascending(cls, sigmas: tuple[float, ...]) -> tuple[float, ...]:
        if not sigmas or not all(0 < sigma <= 1 for sigma in sigmas):
            raise ValueError("must be in (0, 1], pixels being in [0, 1]")
        return tuple(sorted(set(sigmas)))


class Preset(BaseModel):
    """A tier as its TOML file says it.

    Attributes:
        limit: rows attacked, None for all.
        severities: of every corruption, in 1 to 5.
        corruptions: registered names.
        certification: certified radii, None for none.
        eps: grid of each norm, as users write it ("4/255").
        attacks: registered attacks with their options, cheap first.
        transfer: attack whose images of each model are shown to all others, None for no transfer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = Field(default=None, ge=1, strict=True)
    severities: tuple[int, ...]
    corruptions: tuple[str, ...]
    certification: Certification | None = None
    eps: dict[Norm, Annotated[tuple[str, ...], Field(min_length=1)]]
    attacks: tuple[AttackSettings, ...]
    transfer: AttackSettings | None = None

    @field_validator("severities")
    @classmethod
    def _ascending(cls, severities: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(severities)))


class RunConfig(BaseModel):
    """Everything that decides the figures of a run.

    Attributes:
        split: part of the data that is measured.
        models: ids or folders of classifiers.
        labels: label sets under which each is attacked and scored.
        tier: preset the run started from, a `Tier` or the name of a user's file.
        norm: of the attacks.
        eps: ascending grid in the norm's unit, pixels in [0, 1]; 0 leaves the images as they are.
        limit: first rows of a seeded permutation, None for all.
        seed: of every draw.
        severities: of the corruptions.
        corruptions: registered names.
        certification: certified radii, None for none.
        attacks: registered attacks with their options.
        transfer: attack whose images of each model, at the headline eps, are shown to all others.
        precision: in which attacks may compute gradients.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: Split
    models: tuple[str, ...]
    labels: tuple[LabelSet, ...]
    tier: str
    norm: Norm
    eps: tuple[float, ...]
    limit: int | None
    seed: int
    severities: tuple[int, ...]
    corruptions: tuple[str, ...]
    certification: Certification | None = None
    attacks: tuple[AttackSettings, ...]
    transfer: AttackSettings | None = None
    precision: Precision = Precision.AUTO

    def grid_of(self, attack: AttackSettings) -> tuple[float, ...]:
        """Eps at which an attack is made, ascending."""
        eps = headline_eps(self.eps, self.norm)
        return (eps,) if self.norm in attack.headline_only and eps else self.eps

    @property
    def grids(self) -> dict[str, tuple[float, ...]]:
        """Eps of every attack by its name; of their worst case all."""
        return {attack.name: self.grid_of(attack) for attack in self.attacks} | {
            WORST_CASE: self.eps
        }

    def to_json(self) -> dict[str, Any]:
        """As written to a run's manifest; eps as users write it."""
        plain = self.model_dump(mode="json")
        plain["eps"] = [format_eps(eps) for eps in self.eps]
        return plain


def preset_path(tier: str) -> Path:
    """The file of a tier, or the user's own.

    Raises:
        InputError: neither a tier nor the name of a TOML file.
    """
    if tier in list(Tier):
        return PRESETS / f"{tier}.toml"
    if not tier.endswith(".toml"):
        raise InputError(f"--tier must be {', '.join(Tier)} or a TOML file; got {tier!r}.")
    return Path(tier)


def read_preset(path: Path) -> Preset:
    """Read a preset.

    Raises:
        InputError: missing, not TOML, a field is missing, unknown or of the wrong kind, or what it
            names is not registered, stands there twice or knows no such option.
    """
    preset = _parse_preset(path)
    for place, names in (
        ("corruptions", list(preset.corruptions)),
        ("attacks", [attack.name for attack in preset.attacks]),
    ):
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"{path}: {place}: {twice[0]} stands there twice. Leave one out.")
    if path.parent == PRESETS:
        return preset
    try:
        return _registered(preset)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _registered(preset: Preset) -> Preset:
    """The preset with the options of its attacks as their types; every spec is made once.

    The attacks need Keras, so the shipped presets go without: a test makes their specs.
    """
    from fer_models.backend import start_backend

    start_backend()
    from attacks.options import read_options
    from attacks.registry import ATTACKS, attack_spec, corruption_spec

    def settled(attack: AttackSettings) -> AttackSettings:
        words = [f"{name}={value}" for name, value in attack.options.items()]
        options = read_options(attack.name, words)
        for norm in [norm for norm in preset.eps if norm in ATTACKS[attack.name].norms]:
            grid = sorted({parse_eps(word) for word in preset.eps[norm]})
            attack_spec(attack.name, norm, grid, LabelSet.FER, **options)
        return AttackSettings.model_validate(attack.model_dump() | options)

    if preset.corruptions and not preset.severities:
        raise InputError("severities: at least one of 1 to 5 is needed; got none.")
    for name in preset.corruptions:
        corruption_spec(name, preset.severities)
    attacks = tuple(map(settled, preset.attacks))
    transfer = settled(preset.transfer) if preset.transfer else None
    return preset.model_copy(update={"attacks": attacks, "transfer": transfer})


def _parse_preset(path: Path) -> Preset:
    try:
        return Preset.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise InputError(f"{path}: expected a preset, {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: expected TOML, found {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {place}: {first['msg']}; got {first['input']!r}.") from error


def configure(
    *,
    split: Split,
    models: tuple[str, ...],
    labels: str,
    tier: str,
    norm: Norm,
    eps: str | None,
    limit: int | None,
    seed: int,
    certify: str | None = None,
    precision: Precision = Precision.AUTO,
) -> RunConfig:
    """Fill a run's configuration from its tier and what the user asked for.

    Args:
        split: part of the data.
        models: ids or folders.
        labels: comma-separated label sets.
        tier: preset to start from, a `Tier` or the path of a TOML file like those.
        norm: of the attacks.
        eps: comma-separated grid such as "1/255,2/255", None for the tier's.
        limit: rows, None for the tier's, 0 for all.
        seed: of every draw.
        certify: comma-separated sigmas of certificates, None for the tier's.
        precision: in which attacks may compute gradients.

    Raises:
        InputError: an unknown label set, a bad eps, sigma, limit or seed, two eps that are one, or
            a grid that the norm lacks.
    """
    for option, number in (("--limit", limit or 0), ("--seed", seed)):
        whole = isinstance(number, Integral) and not isinstance(number, bool)
        if not (whole and 0 <= number < 2**63):
            raise InputError(
                f"{option} must be a whole number from 0 to 2**63 - 1; got {number!r}."
            )
    path = preset_path(tier)
    preset = read_preset(path)
    if eps is None and norm not in preset.eps:
        raise InputError(f"tier {tier} has no eps grid for norm {norm}. Give one with --eps.")
    words = eps.split(",") if eps is not None else preset.eps[norm]
    grid = sorted({parse_eps(word) for word in words})
    for value in grid:
        check_eps(value, norm)
    for one, other in pairwise(grid):
        if np.isclose(one, other):  # as figures of one eps are looked up
            raise InputError(
                f"`eps` must be apart; got {one!r} and {other!r}, which are one in results. "
                "Leave one out."
            )
    return RunConfig(
        split=split,
        models=models,
        labels=_label_sets(labels),
        tier=tier if tier in list(Tier) else path.name,
        norm=norm,
        eps=tuple(grid),
        limit=preset.limit if limit is None else (limit or None),
        seed=seed,
        severities=preset.severities,
        corruptions=preset.corruptions,
        certification=_certification(certify, preset.certification),
        attacks=preset.attacks,
        transfer=preset.transfer,
        precision=precision,
    )


def _certification(sigmas: str | None, preset: Certification | None) -> Certification | None:
    """The preset's certificates, with other sigmas where the user gave some."""
    if sigmas is None:
        return preset
    settings = preset.model_dump(exclude={"sigmas"}) if preset else {}
    try:
        return Certification(sigmas=tuple(map(float, sigmas.split(","))), **settings)
    except ValueError:
        raise InputError(
            "--certify must be sigmas of noise in (0, 1], pixels being in [0, 1], such as "
            f"0.1,0.25; got {sigmas!r}."
        ) from None


def _label_sets(labels: str) -> tuple[LabelSet, ...]:
    found = []
    for word in filter(None, (part.strip() for part in labels.split(","))):
        if word not in list(LabelSet):
            raise InputError(f"--labels must be fer, ferplus or both; got {word!r}.")
        found.append(LabelSet(word))
    if not found:
        raise InputError(f"--labels must be fer, ferplus or both; got {labels!r}.")
    return tuple(dict.fromkeys(found))
