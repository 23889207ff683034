"""APGD: projected gradients that choose their step size themselves, untargeted and targeted.

Under L1 it also chooses how many pixels each step moves (`attacks/sparse_ascent.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.apgd_ascent import Ascent
from attacks.base import Cost, Keys
from attacks.broken import STOP_LEAD, broken, confirmed, targets_of
from attacks.gradient_attack import GradientAttack, random_start, zero_gradients
from attacks.sparse_ascent import WIDER, SparseAscent
from attacks.threat_model import Norm, project
from datasets.base.errors import InputError
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.losses import Loss


@dataclass(frozen=True, kw_only=True)
class APGD(GradientAttack):
    """Auto-PGD: the step starts at 2 eps and halves at checkpoints where the loss stops growing.

    The first restart starts at the clean image, and a step of 2 eps projected on the ball is one
    of eps, so it contains FGSM (R5). Later restarts start at random points. Every iterate is
    tested; an image is done as soon as it is broken, and the others end at the highest loss.

    Under L1 each climb goes through balls of 3 eps and 2 eps first, and steps move few pixels.

    Source: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of
    diverse parameter-free attacks", arXiv 2003.01690, algorithm 1 and section 3; for L1 Croce &
    Hein 2021, "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers", arXiv
    2103.01208, algorithm 1 and section 3.3.

    Attributes:
        steps: gradient steps per restart.
        restarts: number of starting points.
    """

    steps: int = 100
    restarts: int = 1

    name: ClassVar[str] = "apgd"
    title: ClassVar[str] = "APGD"
    words: ClassVar[str] = (
        "PGD with an adaptive step size and a loss that ignores the scale of the logits"
    )
    reduced_precision: ClassVar[bool] = True
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF, Norm.L2, Norm.L1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("steps", "restarts")

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        assert isinstance(classifier, DifferentiableClassifier)
        attacked, cost = images.copy(), Cost.zeros(len(images))
        active = np.arange(len(images))
        for restart, targets in self._runs(classifier, images, labels, cost):
            rows = active if targets is None else active[targets[active] >= 0]
            if not len(rows):
                continue
            clean = images[rows]
            start = clean
            if restart:
                draws = keys.take(rows).with_restart(restart)
                start = random_start(clean, self.eps, self.norm, draws)
            chosen = None if targets is None else targets[rows]
            found = self._approach(classifier, start, clean, labels[rows], chosen)
            attacked[rows], fallen, spent = found
            cost.add(rows, spent)
            active = np.setdiff1d(active, rows[fallen])
        return attacked, cost

    def _runs(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, cost: Cost
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        """Restart number and targets int64 (N,) of each climb, -1 for images that it leaves out."""
        return ((restart, None) for restart in range(self.restarts))

    def _approach(
        self,
        classifier: DifferentiableClassifier,
        start: np.ndarray,
        clean: np.ndarray,
        labels: np.ndarray,
        targets: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray, Cost]:
        """Run one ascent, under L1 through wider balls first; returns what `_climb` does."""
        if self.norm is not Norm.L1:
            ascent = Ascent(start, clean, self.eps, self.norm)
            return self._climb(classifier, ascent, labels, targets, self.steps)
        cost, left = Cost.zeros(len(labels)), self.steps
        for factor, share in WIDER:
            steps = int(share * self.steps)
            wide = SparseAscent(start, clean, factor * self.eps)
            best, _, spent = self._climb(classifier, wide, labels, targets, steps, leave=False)
            start = project(best, clean, max(1, factor - 1) * self.eps, self.norm)
            cost.add(slice(None), spent)
            left -= steps
        ascent = SparseAscent(start, clean, self.eps)
        found, fallen, spent = self._climb(classifier, ascent, labels, targets, left)
        cost.add(slice(None), spent)
        return found, fallen, cost

    def _climb(
        self,
        classifier: DifferentiableClassifier,
        ascent: Ascent,
        labels: np.ndarray,
        targets: np.ndarray | None,
        steps: int,
        leave: bool = True,
    ) -> tuple[np.ndarray, np.ndarray, Cost]:
        """Run one ascent: first broken or best points float32, which are broken bool (N,), cost.

        With `leave` false no image is dropped when it is broken, and all end at their best points.
        """
        found, cost = ascent.points.copy(), Cost.zeros(len(labels))
        left, ends = np.arange(len(labels)), ascent.checkpoints(steps)
        for step in range(steps):
            chosen = None if targets is None else targets[left]
            with classifier.drawn(step):
                logits, loss, gradient = classifier.input_gradients(
                    ascent.points, labels[left], self.loss, chosen
                )
            ones = np.ones(len(left), np.int64)
            cost.add(left, Cost(ones, ones, zero_gradients(gradient)))
            now = broken(logits, labels[left], STOP_LEAD) & leave
            now, asked = confirmed(classifier, ascent.points, labels[left], now)
            cost.forward[left] += asked
            if now.any():
                found[left[now]] = ascent.points[now]
                ascent, left = ascent.take(~now), left[~now]
                loss, gradient = loss[~now], gradient[~now]
            if not len(left):
                break
            ascent.see(loss, gradient)
            if step in ends:
                ascent.adapt(step - ends[step])
            ascent.move()
        else:
            if not leave:
                return ascent.best, np.zeros(len(labels), bool), cost
            cost.forward[left] += 1
            now = broken(classifier.logits(ascent.points), labels[left], STOP_LEAD)
            found[left] = np.where(now[:, None, None, None], ascent.points, ascent.best)
            left = left[~now]
        fallen = np.ones(len(labels), bool)
        fallen[left] = False
        return found, fallen, cost


@dataclass(frozen=True, kw_only=True)
class TargetedAPGD(APGD):
    """APGD towards each of the min(9, K - 1) likeliest other classes in turn (R16).

    Classes that the model masks are left out. An image counts as broken by any wrong class, not
    only by the target.

    Source: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of
    diverse parameter-free attacks", arXiv 2003.01690, section 4.1.

    Attributes:
        targets: largest number of target classes.
    """

    loss: Loss = Loss.DLR
    targets: int = 9

    name: ClassVar[str] = "apgd_t"
    title: ClassVar[str] = "targeted APGD"
    words: ClassVar[str] = "APGD towards each of the likeliest wrong classes in turn"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("targets")
        if self.loss not in (Loss.DLR, Loss.MARGIN):
            raise InputError(f"`loss` must be dlr or margin for {self.name}; got {self.loss}.")

    def _runs(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, cost: Cost
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        order = targets_of(classifier.logits(images), labels, self.targets)
        cost.forward[:] += 1
        count = order.shape[1]
        for restart in range(self.restarts):
            for rank in range(count):
                # Run 0 starts at the clean image, and so does the first run to each target.
                yield restart and restart * count + rank, order[:, rank]
