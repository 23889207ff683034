"""What a run measures, frozen: written to its manifest and read back from there.

Two runs with equal `RunConfig`s on equal data give the same `results.csv`. Not here: how it is
built from options and a tier (`evaluation/configure.py`).
"""

from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from attacks.precision import Precision
from attacks.threat_model import Norm, exact_eps
from datasets.faceset import Split
from datasets.labels import LabelSet
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import headline_eps


class AttackSettings(BaseModel):
    """One attack of a tier: its registered name and its options.

    Attributes:
        name: name of the attack in the registry.
        limit: attack only the first faces of the run, this many; None for all.
        all_faces_for_first: whether the model that ranks first is attacked on all faces, whatever
            the limit (`evaluation/stages/first_model.py`).
        black_boxes_only: whether it attacks black boxes only; models that give gradients are
            attacked by stronger attacks.
        labels_only: whether it attacks only models that return a label and no scores.
        headline_only: norms in which it runs at the headline eps alone, because a cheaper attack
            covers the rest of the curve.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    limit: int | None = Field(default=None, ge=1, strict=True)
    all_faces_for_first: bool = False
    black_boxes_only: bool = False
    labels_only: bool = False
    headline_only: tuple[Norm, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The attack's own options, such as steps and restarts."""
        return dict(self.model_extra or {})


def smoothing_name(sigma: float) -> str:
    """Name of certificates in results, such as `smooth0.1`, and of a defence by the same noise."""
    return f"smooth{sigma:g}"


class Certification(BaseModel):
    """Certified radii by randomised smoothing, see `evaluation/stages/certification.py`.

    Attributes:
        sigmas: standard deviations of the Gaussian noise in (0, 1], pixels are in [0, 1]; each has
            a `smoothing_name` of its own.
        selection: noisy copies per face that choose its class.
        samples: further noisy copies per face that bound the probability of that class.
        alpha: probability that a certificate is wrong.
        limit: certify only the first faces of the run, this many; None for all.
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
            raise ValueError("must be in (0, 1]; pixels are in [0, 1]")
        ascending = sorted(set(sigmas))
        for one, other in pairwise(ascending):
            if smoothing_name(one) == smoothing_name(other):
                raise ValueError(
                    f"{one!r} and {other!r} are both called {smoothing_name(one)}; leave one out"
                )
        return tuple(ascending)


class RunConfig(BaseModel):
    """Everything that decides the figures of a run.

    Attributes:
        split: part of the data that is measured.
        models: ids, folders or files of classifiers.
        labels: label sets under which each model is attacked and scored.
        tier: name of the tier that the run started from, or of a user's file.
        norm: norm of the attacks.
        eps: ascending grid in the norm's unit, pixels in [0, 1]; 0 leaves the images unchanged.
        limit: measure only the first rows of a seeded permutation, this many; None for all.
        seed: random seed.
        severities: severities of the corruptions, 1 to 5.
        corruptions: registered names.
        certification: how radii are certified, None for no certificates.
        attacks: registered attacks with their options.
        transfer: attack that makes each model's transfer set at the headline eps, None for no
            transfer matrix.
        seeds: number of seeds that attacks are repeated with, from `seed` on.
        precision: precision in which attacks may compute gradients.
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
    seeds: int = 1

    def grid_of(self, attack: AttackSettings) -> tuple[float, ...]:
        """Eps values at which an attack runs, ascending."""
        eps = headline_eps(self.eps, self.norm)
        return (eps,) if self.norm in attack.headline_only and eps else self.eps

    @property
    def grids(self) -> dict[str, tuple[float, ...]]:
        """Eps values of every attack by its name, and of their worst case."""
        return {attack.name: self.grid_of(attack) for attack in self.attacks} | {
            WORST_CASE: self.eps
        }

    def to_json(self) -> dict[str, Any]:
        """The configuration as the manifest holds it, eps as users write it ("4/255")."""
        plain = self.model_dump(mode="json")
        plain["eps"] = [exact_eps(eps) for eps in self.eps]
        return plain
