"""Specs: everything that determines a set of attacked or corrupted images.

Not here: filling in default options and checking names (`attacks/registry.py`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from attacks.threat_model import Norm
from datasets.base.errors import InputError

CODE_VERSION = 8
"""Version of the code; raise it when any attack or corruption makes other images than before, so
that old sets are refused.

6: DeepFool is our own, and `ensemble` chooses where it spends; before, it was `ensemble_full`.
7: `ensemble` searches longer, random defences are attacked over fresh draws at each step, and
   masked classes no longer turn FMN and DeepFool away.
8: one class far below all others no longer presses these together in the default loss.
"""

_REMADE: dict[str, int] = {}
"""How often a corruption alone has changed since `CODE_VERSION` was raised: only its sets are
refused. Empty it when `CODE_VERSION` is raised.
"""


@dataclass(frozen=True, kw_only=True)
class PerturbationSpec:
    """Common base of the specs of attacks and corruptions: one perturbation over its whole grid.

    Attributes:
        perturbation: name in the registry.
        grid: ascending eps of an attack, ascending severities of a corruption.
        options: every other setting, defaults included.
        seed: random seed.
    """

    perturbation: str
    grid: tuple[float, ...]
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.grid or list(self.grid) != sorted(set(self.grid)):
            raise InputError(f"the grid must be ascending, without repeats; got {list(self.grid)}.")
        if self.seed < 0:
            raise InputError(f"`seed` must be at least 0; got {self.seed}.")

    def _values(self, norm: Norm | None, attacked_labels: str) -> dict[str, Any]:
        """Plain values for a manifest, the same fields for attacks and corruptions."""
        return {
            "perturbation": self.perturbation,
            "norm": norm and str(norm),
            "grid": list(self.grid),
            "options": self.options,
            "attacked_labels": attacked_labels,
            "seed": self.seed,
        }


@dataclass(frozen=True, kw_only=True)
class AttackSpec(PerturbationSpec):
    """An attack over ascending eps. Made by `attacks.registry.attack_spec`.

    Attributes:
        norm: how eps is measured.
        attacked_labels: label set whose labels are attacked (`fer`, `ferplus`, or another name).
    """

    norm: Norm
    attacked_labels: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.attacked_labels:
            raise ValueError("`attacked_labels` must name a label set. Received: ''")

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest; `spec_from_json` reads them."""
        return self._values(self.norm, self.attacked_labels)

    def key(
        self,
        faces_sha256: str,
        labels: np.ndarray,
        weights_sha256: str,
        *,
        transfer_set: bool = False,
    ) -> str:
        """Identity of the set, hex sha256; sets with other keys are never reused (R22).

        Noise does not depend on the model, but which images it breaks does, so noise counts as an
        attack.

        Args:
            faces_sha256: `FaceSet.sha256` of exactly the rows in the set.
            labels: int64 (N,), the attacked labels in the order of the model's classes.
            weights_sha256: hash of the attacked model.
            transfer_set: whether every image is stored, to attack other models with.
        """
        digest = _digest(labels.astype(np.int64).tobytes())
        more = {"shown": True} if transfer_set else {}
        return _key(self.to_json(), faces_sha256, digest, weights_sha256, more)


@dataclass(frozen=True, kw_only=True)
class CorruptionSpec(PerturbationSpec):
    """A corruption over ascending severities. Made by `attacks.registry.corruption_spec`."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest; `spec_from_json` reads them."""
        return self._values(None, "")

    def key(self, faces_sha256: str) -> str:
        """Identity of the set, hex sha256; one set serves all models, whatever their labels.

        Args:
            faces_sha256: `FaceSet.sha256` of exactly the rows in the set.
        """
        remade = _REMADE.get(self.perturbation)
        more = {"remade": remade} if remade else {}
        return _key(self.to_json(), faces_sha256, False, None, more)


AnySpec = AttackSpec | CorruptionSpec


def spec_from_json(values: dict[str, Any]) -> AnySpec:
    """Read what `to_json` wrote: without a norm it is a corruption."""
    shared = {name: values[name] for name in ("perturbation", "options", "seed")}
    shared["grid"] = tuple(values["grid"])
    if values["norm"] is None:
        return CorruptionSpec(**shared)
    return AttackSpec(
        **shared, norm=Norm(values["norm"]), attacked_labels=values["attacked_labels"]
    )


def _key(
    spec: dict[str, Any],
    faces_sha256: str,
    labels_sha256: str | bool,
    weights_sha256: str | None,
    more: Mapping[str, Any],
) -> str:
    parts = {
        "code": CODE_VERSION,
        "spec": spec,
        "faces": faces_sha256,
        "labels": labels_sha256,
        "weights": weights_sha256,
        **more,
    }
    return _digest(json.dumps(parts, sort_keys=True).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
