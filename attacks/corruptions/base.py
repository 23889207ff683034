"""The base class of corruptions. A subclass has one method; the base checks input and output."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from attacks.base import BudgetError, Keys, check_output
from datasets.base.errors import InputError
from fer_models.classifier import check_images

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption(ABC):
    """Degrades images without regard to a classifier; severities 1 to 5, 0 is clean."""

    name: ClassVar[str]

    @final
    def __call__(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        """Corrupt images.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            severity: 0 (returns the images bit for bit) to 5.
            keys: seed and row ids; a row has the same draws at every severity.

        Returns:
            float32 (N, H, W, C) in [0, 1].

        Raises:
            InputError: no such severity.
            ValueError: images of wrong dtype, shape or range.
            BudgetError: the corruption returned something outside [0, 1] or not finite.
        """
        check_images(images)
        check_severity(severity)
        if severity == 0:
            return images.copy()
        corrupted = self._corrupt(images, severity, keys)
        if corrupted.shape != images.shape or corrupted.dtype != np.float32:
            raise BudgetError(f"{self.name} returned {corrupted.dtype} {corrupted.shape}")
        check_output(self.name, corrupted)
        return corrupted

    @abstractmethod
    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        """Corrupt checked images at severity 1 to 5; return float32 in [0, 1]."""


def check_severity(severity: int) -> None:
    """Refuse a severity outside 0 to 5.

    Raises:
        InputError: it is outside.
    """
    if severity not in (0, *SEVERITIES):
        raise InputError(f"`severity` must be 0 (clean) to 5; got {severity}.")
