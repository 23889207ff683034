"""SetSpec: everything that decides what a set of attacked or corrupted images holds."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from attacks.threat_model import Norm
from datasets.base.errors import InputError

CODE_VERSION = 4
"""Raise it when any attack or corruption gives other images than before: old sets are refused."""


@dataclass(frozen=True)
class SetSpec:
    """One perturbation over its whole grid. Made by `attacks.registry`, which fills in defaults.

    Attributes:
        perturbation: name in the registry.
        norm: of an attack; None for a corruption.
        grid: ascending eps of an attack, ascending severities of a corruption.
        options: every setting of the attack besides norm and eps, defaults included.
        attacked_labels: label set whose labels are attacked (`fer`, `ferplus`, or any other
            name); empty for a corruption, which knows no labels and no model.
        seed: of every draw.
    """

    perturbation: str
    norm: Norm | None
    grid: tuple[float, ...]
    options: dict[str, Any] = field(default_factory=dict)
    attacked_labels: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.grid or list(self.grid) != sorted(set(self.grid)):
            raise InputError(f"the grid must be ascending, without repeats; got {list(self.grid)}.")
        if self.seed < 0:
            raise InputError(f"`seed` must be at least 0; got {self.seed}.")
        if self.is_attack != bool(self.attacked_labels):
            raise ValueError(
                "an attack has a norm and attacked labels, a corruption neither. "
                f"Received: norm={self.norm}, attacked_labels={self.attacked_labels!r}"
            )

    @property
    def is_attack(self) -> bool:
        """Whether it is an attack, not a corruption."""
        return self.norm is not None

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return {**asdict(self), "grid": list(self.grid), "norm": self.norm and str(self.norm)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        norm = None if values["norm"] is None else Norm(values["norm"])
        return cls(**{**values, "norm": norm, "grid": tuple(values["grid"])})

    def key(
        self,
        faces_sha256: str,
        labels: np.ndarray | None = None,
        weights_sha256: str | None = None,
        *,
        transfer_set: bool = False,
    ) -> str:
        """Identity of the set, hex sha256; sets with other keys are never reused (R22).

        Corruptions are made once for all models, so their key knows neither labels nor weights.
        The images of noise do not hang on the model, but which of them it gets wrong does, so
        noise counts as an attack.

        Args:
            faces_sha256: `FaceSet.sha256` of exactly the rows in the set.
            labels: int64 (N,), the attacked labels in the order of the model's classes.
            weights_sha256: of the attacked model.
            transfer_set: whether every image is kept, to attack other models with.

        Raises:
            ValueError: an attack without labels or weights, or a corruption with them.
        """
        if (labels is not None, weights_sha256 is not None) != (self.is_attack, self.is_attack):
            raise ValueError("`labels` and `weights_sha256` are for attacks, and both needed there")
        parts = {
            "code": CODE_VERSION,
            "spec": self.to_json(),
            "faces": faces_sha256,
            "labels": labels is not None and _digest(labels.astype(np.int64).tobytes()),
            "weights": weights_sha256,
        }
        if transfer_set:
            parts["shown"] = True
        return _digest(json.dumps(parts, sort_keys=True).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
