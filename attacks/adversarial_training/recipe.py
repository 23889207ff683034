"""Settings of the attack in training; `attacks/adversarial_training/adversary.py` runs it."""

import math
from dataclasses import asdict, dataclass
from enum import StrEnum

from attacks.threat_model import Norm, check_eps
from datasets.base.errors import InputError

BETA = 6.0
"""Weight of the attacked images of trades."""


class Method(StrEnum):
    """How the images that a net learns from are attacked.

    pgd: `steps` gradient steps from a random point of the ball (Madry et al. 2018, arXiv
        1706.06083). With one step it is fast FGSM with random start (Wong, Rice & Kolter 2020,
        arXiv 2001.03994).
    n_fgsm: one step of eps from noise twice as wide, not brought back into the ball, so images
        move by up to 3 eps (de Jorge et al. 2022, arXiv 2202.01181). As cheap, and it avoids
        catastrophic overfitting.
    trades: clean images with their labels and, `beta` times as heavy, images attacked like pgd
        with the predictions for the clean ones (Zhang et al. 2019, arXiv 1901.08573). Those are
        held constant, as in Miyato et al. 2018, arXiv 1704.03976, and the attack climbs the
        cross-entropy, as in Gowal et al. 2020, arXiv 2010.03593.
    """

    PGD = "pgd"
    N_FGSM = "n_fgsm"
    TRADES = "trades"


@dataclass(frozen=True, kw_only=True)
class AdversarialRecipe:
    """What a net is trained against; it is saved in the card.

    Attributes:
        method: see `Method`.
        norm: linf or l2.
        eps: size of the changes that training attacks with, pixels in [0, 1].
        steps: gradients per image and epoch.
        warm_up: epochs over which eps grows from 0.
        beta: weight of the attacked images of trades.
        weight_step: size of the step that each layer's weights take up the loss before every step
            down, as a share of their norm (0: none): the adversarial weight perturbation of Wu et
            al. 2020, arXiv 2004.05884, against overfitting to attacked faces.
        judge_eps: eps of the PGD that chooses the best epoch.
        judge_rows: held-out faces it attacks after each epoch, at most.
    """

    method: Method = Method.N_FGSM
    norm: Norm = Norm.LINF
    eps: float = 4 / 255
    steps: int = 1
    warm_up: float = 4.0
    beta: float = BETA
    weight_step: float = 0.0
    judge_eps: float = 4 / 255
    judge_rows: int = 1000

    def __post_init__(self) -> None:
        if self.norm is Norm.L1:
            raise InputError(
                f"`norm` must be {Norm.LINF} or {Norm.L2} in training; got {self.norm}. Choose one."
            )
        for eps in (self.eps, self.judge_eps):
            check_eps(eps, self.norm)
        if self.steps < 1 or (self.method is Method.N_FGSM and self.steps > 1):
            rule = "1" if self.method is Method.N_FGSM else "at least 1"
            raise InputError(
                f"`steps` must be {rule} for {self.method}; got {self.steps}. pgd takes more."
            )
        if not (0 <= self.warm_up < math.inf and 0 < self.beta < math.inf):
            raise InputError(
                "`warm_up` must be at least 0, `beta` more than 0, and both finite; "
                f"got {self.warm_up:g} and {self.beta:g}."
            )
        if self.beta != BETA and self.method is not Method.TRADES:
            raise InputError(
                f"`beta` is for {Method.TRADES} only; got {self.beta:g} for {self.method}. Choose "
                f"the method {Method.TRADES}, or leave it out."
            )
        if not 0 <= self.weight_step < 1:
            raise InputError(
                "`weight_step` must be at least 0 and less than 1, such as 0.005; "
                f"got {self.weight_step:g}."
            )

    def as_card(self) -> dict[str, str | int | float]:
        """Plain values for the card."""
        return {**asdict(self), "method": str(self.method), "norm": str(self.norm)}

    def eps_at(self, epoch: float) -> float:
        """Eps after that many epochs, a fraction included."""
        return self.eps * min(1.0, epoch / self.warm_up) if self.warm_up else self.eps
