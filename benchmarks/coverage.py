"""`python -m benchmarks.coverage`: how often 95 % intervals contain the true value, by simulation.

Calibration error: confidences, with predictions that are correct as often as a known curve says.
Macro F1 and balanced accuracy: predictions of a net with known recalls, on the class shares of both
label sets.
"""

from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np
import typer

from datasets.base.commands import run
from datasets.base.percentages import in_percent
from evaluation.metrics import calibration
from evaluation.metrics.accuracy import balanced_accuracy, macro_f1
from evaluation.statistics.calibration_error import debiased_calibration_error
from evaluation.statistics.intervals import stratified_interval

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "calibrated": lambda sure: sure,
    "overconfident by 5 points": lambda sure: sure - 0.05,
    "overconfident by 10 points": lambda sure: sure - 0.1,
    "overconfident by 20 points": lambda sure: sure - 0.2,
    "overconfident above 0.93": lambda sure: np.where(sure > 0.93, sure - 0.25, sure),
    "wavy": lambda sure: np.clip(sure + 0.1 * np.sin(20 * sure), 0, 1),
}
"""Probability of being correct at each confidence."""

CLASSES = {
    "fer": (
        (467, 56, 496, 895, 653, 415, 607),
        (0.6, 0.5, 0.4, 0.85, 0.55, 0.75, 0.65),
    ),
    "ferplus": (
        (1274, 900, 460, 426, 331, 26, 76, 29),
        (0.88, 0.9, 0.8, 0.65, 0.75, 0.3, 0.4, 0.1),
    ),
}
"""Images of each class in PublicTest, and a net's recalls."""


def calibration_coverage(curve: str, n: int, draws: int) -> float:
    """Share of draws whose interval contains the true calibration error of a curve."""
    many = np.random.default_rng(1).uniform(0.3, 1, 1_000_000)
    gaps = calibration.gaps(many, CURVES[curve](many), calibration.equal_width_bins(many))
    true = float(calibration.calibration_error(gaps.mean(axis=0)))
    rng, held = np.random.default_rng(0), 0
    for draw in range(draws):
        sure = rng.uniform(0.3, 1, n)
        right = rng.random(n) < CURVES[curve](sure)
        bins = calibration.equal_width_bins(sure)
        found = debiased_calibration_error(sure, right, bins, seed=draw % 2)
        held += found.low <= true <= found.high
    return held / draws


def class_coverage(
    label_set: str, metric: Callable[[np.ndarray], np.ndarray], n: int, draws: int
) -> float:
    """Share of draws whose interval contains the metric of the net's true recalls."""
    counts, recalls = (np.array(values, float) for values in CLASSES[label_set])
    shares = counts / counts.sum()
    chances = np.tile(shares, (len(shares), 1))
    np.fill_diagonal(chances, 0)
    chances *= ((1 - recalls) / chances.sum(axis=1))[:, None]
    chances = np.hstack([chances + np.diag(recalls), np.zeros((len(shares), 1))])
    rng, held = np.random.default_rng(0), 0
    for draw in range(draws):
        images = rng.multinomial(n, shares)
        found = np.stack([rng.multinomial(k, row) for k, row in zip(images, chances, strict=True)])
        interval = stratified_interval(found, metric, seed=draw)
        held += interval.low <= float(metric(images[:, None] * chances)) <= interval.high
    return held / draws


def coverages(draws: int) -> Iterator[tuple[str, int, float]]:
    """What was simulated, n, and the coverage."""
    for curve in CURVES:
        for n in (100, 300, 500):
            yield f"debiased_ece, {curve}", n, calibration_coverage(curve, n, draws)
    for label_set in CLASSES:
        for metric in (macro_f1, balanced_accuracy):
            found = class_coverage(label_set, metric, 300, draws)
            yield f"{metric.__name__}, {label_set}", 300, found


def main(draws: Annotated[int, typer.Option(help="Simulated data sets per row.")] = 400) -> None:
    """Simulate how often 95 % intervals contain the true value."""
    print("| figure | n | coverage |\n|---|---|---|")
    for name, n, share in coverages(draws):
        print(f"| {name} | {n} | {in_percent(share, 1)} % |", flush=True)


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.coverage")
