"""The attack of ART that moves a face instead of changing its pixels one by one."""

from dataclasses import dataclass
from typing import Any, ClassVar

from attacks.art_bridge.base import ArtAttack
from attacks.threat_model import Norm


@dataclass(frozen=True, kw_only=True)
class Spatial(ArtAttack):
    """Worst of a grid of shifts and rotations, for each image.

    The grid limits it, not eps: eps = 1 accepts any that breaks the image.

    Source: Engstrom et al. 2019, "Exploring the landscape of spatial robustness", arXiv 1712.02779,
    section 3.

    Attributes:
        shift: largest shift, percent of the side.
        rotation: largest rotation, degrees.
        grid: number of values of each shift and of the rotation.
    """

    shift: float = 10.0
    rotation: float = 15.0
    grid: int = 5

    name: ClassVar[str] = "spatial"
    title: ClassVar[str] = "shifts and rotations"
    words: ClassVar[str] = "small shifts and rotations of the face"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF,)
    by_answers: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False
    limits: ClassVar[dict[str, tuple[float, float]]] = {"shift": (0, 100), "rotation": (0, 180)}

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import SpatialTransformation

        return SpatialTransformation(
            estimator,
            max_translation=self.shift,
            num_translations=self.grid,
            max_rotation=self.rotation,
            num_rotations=self.grid,
            verbose=False,
        )
