"""All attacks and corruptions: adding one takes one file, one import and one entry here.

`attack_spec` and `corruption_spec` turn names and numbers into checked specs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from attacks.apgd import APGD, TargetedAPGD
from attacks.art_bridge.base import ArtAttack
from attacks.art_bridge.decision import Boundary, HopSkipJump
from attacks.art_bridge.gradient import (
    JSMA,
    CarliniWagnerL2,
    CarliniWagnerLinf,
    ElasticNet,
)
from attacks.art_bridge.score import ZOO, OnePixel, SimBA
from attacks.art_bridge.spatial import Spatial
from attacks.art_bridge.universal import Patch, Universal
from attacks.base import Attack
from attacks.corruptions.base import Corruption, check_severity
from attacks.corruptions.blur.defocus_blur import DefocusBlur
from attacks.corruptions.blur.gaussian_blur import GaussianBlur
from attacks.corruptions.blur.glass_blur import GlassBlur
from attacks.corruptions.blur.motion_blur import MotionBlur
from attacks.corruptions.blur.zoom_blur import ZoomBlur
from attacks.corruptions.digital.jpeg import Jpeg
from attacks.corruptions.digital.pixelate import Pixelate
from attacks.corruptions.geometry.crop_jitter import CropJitter
from attacks.corruptions.geometry.elastic import Elastic
from attacks.corruptions.geometry.rotation import Rotation
from attacks.corruptions.geometry.scale import Scale
from attacks.corruptions.geometry.translation import Translation
from attacks.corruptions.noise.gaussian_noise import GaussianNoise
from attacks.corruptions.noise.impulse_noise import ImpulseNoise
from attacks.corruptions.noise.shot_noise import ShotNoise
from attacks.corruptions.noise.speckle_noise import SpeckleNoise
from attacks.corruptions.occlusion.bars import EyesBar, MouthBar
from attacks.corruptions.occlusion.hand import Hand
from attacks.corruptions.occlusion.random_squares import RandomSquares
from attacks.corruptions.weather.brightness import Brightness
from attacks.corruptions.weather.contrast import Contrast
from attacks.corruptions.weather.fog import Fog
from attacks.corruptions.weather.low_light import LowLight
from attacks.corruptions.weather.rain import Rain
from attacks.deepfool import DeepFool
from attacks.ensembles.adaptive import Ensemble
from attacks.ensembles.chosen_targets import ChosenTargetsAPGD
from attacks.ensembles.full import FullEnsemble
from attacks.fgsm import FGSM
from attacks.fmn import FMN
from attacks.noise import Noise
from attacks.pgd import PGD
from attacks.regional import REGIONAL, GlassesPGD
from attacks.sets.spec import AttackSpec, CorruptionSpec
from attacks.square import Square
from attacks.threat_model import Norm
from attacks.transfer import Transfer
from datasets.base.errors import InputError

OWN: tuple[type[Attack], ...] = (
    FGSM, PGD, *REGIONAL, GlassesPGD, APGD, TargetedAPGD, ChosenTargetsAPGD, FMN, DeepFool,
    Square, Ensemble, FullEnsemble, Transfer, Noise
)  # fmt: skip
ART_ATTACKS: tuple[type[ArtAttack], ...] = (
    CarliniWagnerL2, CarliniWagnerLinf, ElasticNet, JSMA, HopSkipJump, Boundary, SimBA,
    ZOO, OnePixel, Universal, Patch, Spatial
)  # fmt: skip
ATTACKS: dict[str, type[Attack]] = {attack.name: attack for attack in (*OWN, *ART_ATTACKS)}
CORRUPTIONS: dict[str, type[Corruption]] = {
    corruption.name: corruption
    for corruption in (
        GaussianNoise,
        ShotNoise,
        ImpulseNoise,
        SpeckleNoise,
        GaussianBlur,
        DefocusBlur,
        GlassBlur,
        MotionBlur,
        ZoomBlur,
        Brightness,
        Contrast,
        LowLight,
        Jpeg,
        Pixelate,
        Elastic,
        Rotation,
        Translation,
        Scale,
        CropJitter,
        EyesBar,
        MouthBar,
        Hand,
        RandomSquares,
        Fog,
        Rain,
    )
}


def check_attack(name: str) -> None:
    """Refuse a name that is not registered.

    Raises:
        InputError: it is unknown.
    """
    if name not in ATTACKS:
        raise InputError(f"no attack {name!r}; choose one of {', '.join(ATTACKS)}.")


def check_options(name: str, options: Iterable[str]) -> None:
    """Refuse settings that an attack does not have.

    Raises:
        InputError: unknown attack or setting.
    """
    check_attack(name)
    known = default_options(ATTACKS[name])
    if unknown := set(options) - set(known):
        raise InputError(
            f"{name} has no option {sorted(unknown)[0]!r}; it has {', '.join(known) or 'none'}."
        )


def make_attack(name: str, norm: Norm, eps: float, options: Mapping[str, Any]) -> Attack:
    """Build an attack by name.

    Raises:
        InputError: unknown name or option, or a norm, eps or option it refuses.
    """
    check_options(name, options)
    return ATTACKS[name](norm=norm, eps=eps, **options)


def attack_spec(
    name: str,
    norm: Norm,
    grid: Iterable[float],
    attacked_labels: str,
    /,
    *,
    seed: int = 0,
    **options: Any,
) -> AttackSpec:
    """Spec of an attack over ascending eps; options that are not given have their defaults.

    The first four are positional only: `spatial` has an option named `grid`.

    Raises:
        InputError: see `make_attack`; or a grid that is not ascending.
    """
    eps_grid = tuple(grid)
    for eps in eps_grid:
        make_attack(name, norm, eps, options)
    settings = {**default_options(ATTACKS[name]), **options} if eps_grid else {}
    return AttackSpec(
        perturbation=name,
        norm=norm,
        grid=eps_grid,
        options=settings,
        attacked_labels=attacked_labels,
        seed=seed,
    )


def corruption_spec(name: str, severities: Iterable[int], *, seed: int = 0) -> CorruptionSpec:
    """Spec of a corruption at ascending severities.

    Raises:
        InputError: unknown name or severity.
    """
    if name not in CORRUPTIONS:
        raise InputError(f"no corruption {name!r}; choose one of {', '.join(CORRUPTIONS)}.")
    grid = tuple(severities)
    for severity in grid:
        check_severity(severity)
    return CorruptionSpec(perturbation=name, grid=grid, seed=seed)


def default_options(attack: type[Attack]) -> dict[str, Any]:
    """Settings of an attack besides norm and eps, with their defaults."""
    return {f.name: f.default for f in fields(attack) if f.name not in ("norm", "eps")}
