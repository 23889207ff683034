"""Fit the values of a black and a white pixel continuously, with standard errors.

Around a scaling, inputs are multiplied by a gain and shifted on a 3x3 grid; each face's
cross-entropy (after one temperature for all faces) gives a quadratic surface, whose minimum is the
fit. Its standard error comes from resampling faces.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from fer_models.contract import Contract

STEP = 0.35
"""Of the grid: log of the gain, and shift in standard deviations of the inputs."""
_MOVES = 2
_RESAMPLES = 200
_GRID = np.array([(gain, shift) for gain in (-1, 0, 1) for shift in (-1, 0, 1)]) * STEP
MOST_CALLS = _MOVES * len(_GRID)
"""How often a fit asks the model about all faces, at most."""


class Fit(NamedTuple):
    """The best gain and shift.

    Attributes:
        gain: inputs are multiplied by it.
        shift: added after that, in units of the inputs.
        draws: (gain, shift) of resampled faces, float64 (R, 2); empty where the surface is flat.
    """

    gain: float
    shift: float
    draws: np.ndarray

    def words(self, before: Contract) -> tuple[str, str]:
        """Values of a black and a white pixel with their standard errors; first channel.

        Args:
            before: contract that the inputs were scaled by.
        """
        ends = (np.array([before.low, before.high]) - before.mean[0]) / before.std[0]
        black, white = ends * self.gain + self.shift
        if not len(self.draws):
            return f"{black:.3g} (error unknown)", f"{white:.3g} (error unknown)"
        errors = (ends * self.draws[:, :1] + self.draws[:, 1:]).std(axis=0)
        return f"{black:.3g} +- {errors[0]:.2g}", f"{white:.3g} +- {errors[1]:.2g}"

    def fields(self, before: Contract) -> dict[str, object]:
        """Fields of a contract with the fitted inputs, where they differ from those of `before`."""
        if (before.mean, before.std) == ((0.0,), (1.0,)):
            ends = (before.low, before.high)
            return dict(zip(("low", "high"), (end * self.gain + self.shift for end in ends)))
        std = before.std * (len(before.mean) // len(before.std))
        return {
            "mean": tuple(m - self.shift * s / self.gain for m, s in zip(before.mean, std)),
            "std": tuple(s / self.gain for s in std),
        }


def fit_scaling(
    inputs: np.ndarray, labels: np.ndarray, logits_of: Callable[[np.ndarray], np.ndarray]
) -> Fit:
    """Find the gain and shift of inputs under which the labels are most likely.

    Args:
        inputs: float32 (N, h, w, c), scaled by the best known scaling.
        labels: int64 (N,).
        logits_of: logits (N, K), in the order of the labels, of such inputs.
    """
    spread = max(float(inputs.std()), 1e-12)
    centre = np.zeros(2)
    for move in range(_MOVES):
        losses = np.stack(
            [
                cross_entropy(logits_of(_moved(inputs, centre + step, spread)), labels)
                for step in _GRID
            ]
        )
        lowest = _GRID[losses.mean(axis=1).argmin()]
        if not lowest.any() or move == _MOVES - 1:
            break
        centre = centre + lowest
    surfaces = np.linalg.pinv(_design()) @ losses
    best = centre + _minimum(surfaces.mean(axis=1), lowest)
    return Fit(float(np.exp(best[0])), float(best[1] * spread), _draws(surfaces, centre, spread))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy of each face, float64 (N,), under the temperature that is best for all."""
    centred = logits - logits.max(axis=1, keepdims=True)
    scale = max(float(np.median(-centred.min(axis=1))), 1e-12)
    rows = np.arange(len(labels))

    def losses(log_sharpness: float) -> np.ndarray:
        scaled = centred * (np.exp(log_sharpness) / scale)
        found: np.ndarray = np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, labels]
        return found

    best = minimize_scalar(lambda x: losses(x).mean(), bounds=(-6, 6), method="bounded")
    return losses(best.x)


def _moved(inputs: np.ndarray, place: np.ndarray, spread: float) -> np.ndarray:
    return (inputs * np.exp(place[0]) + place[1] * spread).astype(np.float32)


def _design() -> np.ndarray:
    gain, shift = _GRID.T
    return np.stack([gain**0, gain, shift, gain**2 / 2, gain * shift, shift**2 / 2], axis=1)


def _minimum(surface: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Minimum of a quadratic surface within the grid; `otherwise` where it has none."""
    slope = surface[1:3]
    curvature = np.array([[surface[3], surface[4]], [surface[4], surface[5]]])
    if np.linalg.eigvalsh(curvature)[0] <= 0:
        return otherwise
    found = -np.linalg.solve(curvature, slope)
    return found if np.abs(found).max() <= 2 * STEP else otherwise


def _draws(surfaces: np.ndarray, centre: np.ndarray, spread: float) -> np.ndarray:
    rng, count = np.random.default_rng(0), surfaces.shape[1]
    nowhere = np.full(2, np.nan)
    places = np.array(
        [
            centre + _minimum(surfaces[:, rng.integers(0, count, count)].mean(axis=1), nowhere)
            for _ in range(_RESAMPLES)
        ]
    )
    if np.isnan(places).any(axis=1).mean() > 0.05:
        return np.empty((0, 2))
    places = places[~np.isnan(places).any(axis=1)]
    return np.stack([np.exp(places[:, 0]), places[:, 1] * spread], axis=1)
