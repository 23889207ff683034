"""Fit the values of a black and a white pixel continuously, with the errors of the fit.

Around a scaling, inputs are multiplied by a gain about their mean and shifted, at the centre and
the corners of a hexagon; each face's cross-entropy (after one temperature for all faces) gives a
quadratic surface, whose minimum is the centre of the next, smaller hexagon. The last one is the
fit. Its error has two parts: resampled faces move the minimum, and so does what a quadratic surface
leaves out, which the move from the hexagon before bounds.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from fer_models.contract import Contract

STEPS = (0.35, 0.2, 0.1)
"""Of the hexagons: log of the gain, and shift in standard deviations of the inputs.

The second is left out where the first minimum is as near as the third reaches.
"""
_FLAT = 1e-9
"""Curvature of a flat surface, as a share of its height: below it there is only rounding."""
_RESAMPLES = 200
_TWO_SIDED = 1.96
"""Standard errors of a 95 % interval."""
_ANGLES = np.arange(6) * np.pi / 3
_HEXAGON = np.array([(0, 0), *zip(np.cos(_ANGLES), np.sin(_ANGLES))])
MOST_CALLS = len(STEPS) * len(_HEXAGON)
"""How often a fit asks the model about all faces, at most."""


class Fit(NamedTuple):
    """The best gain and shift.

    Attributes:
        gain: inputs are multiplied by it.
        shift: added after that, in units of the inputs.
        draws: (gain, shift) of resampled faces, float64 (R, 2); empty where the surface is flat.
        bounds: (gain, shift) at the limits that the search leaves open, float64 (B, 2).
    """

    gain: float
    shift: float
    draws: np.ndarray
    bounds: np.ndarray

    def words(self, before: Contract) -> tuple[str, str]:
        """Values of a black and a white pixel, +- half a 95 % interval; first channel.

        Args:
            before: contract that the inputs were scaled by.
        """
        ends = (np.array([before.low, before.high]) - before.mean[0]) / before.std[0]
        values = ends * self.gain + self.shift
        if not len(self.draws):
            return f"{values[0]:.3g} (error unknown)", f"{values[1]:.3g} (error unknown)"
        chance = _TWO_SIDED * (ends * self.draws[:, :1] + self.draws[:, 1:]).std(axis=0)
        left_open = np.abs(ends * self.bounds[:, :1] + self.bounds[:, 1:] - values).max(axis=0)
        black, white = zip(values, np.hypot(chance, left_open))
        return "{:.3g} +- {:.2g}".format(*black), "{:.3g} +- {:.2g}".format(*white)

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
    middle, spread = float(inputs.mean()), max(float(inputs.std()), 1e-12)

    def gains_and_shifts(places: np.ndarray) -> np.ndarray:
        gains = np.exp(places[:, 0])
        return np.stack([gains, middle * (1 - gains) + places[:, 1] * spread], axis=1)

    def losses(place: np.ndarray) -> np.ndarray:
        gain, shift = gains_and_shifts(place[None])[0]
        return cross_entropy(logits_of((inputs * gain + shift).astype(np.float32)), labels)

    centre = move = np.zeros(2)
    for step in STEPS:
        if step == STEPS[1] and np.abs(move).max() <= STEPS[2]:
            continue
        before, grid = centre, _HEXAGON * step
        found = np.stack([losses(before + place) for place in grid])
        surfaces = np.linalg.pinv(_design(grid)) @ found
        minimum = _minimum(surfaces.mean(axis=1), 2 * step)
        move = grid[found.mean(axis=1).argmin()] if minimum is None else minimum
        centre = before + move
    places = np.empty((0, 2)) if minimum is None else before + _draws(surfaces)
    gain, shift = gains_and_shifts(centre[None])[0]
    corners = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
    bounds = gains_and_shifts(centre + corners * move)
    return Fit(float(gain), float(shift), gains_and_shifts(places), bounds)


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


def _design(grid: np.ndarray) -> np.ndarray:
    gain, shift = grid.T
    return np.stack([gain**0, gain, shift, gain**2 / 2, gain * shift, shift**2 / 2], axis=1)


def _minimum(surface: np.ndarray, reach: float) -> np.ndarray | None:
    """Minimum of a quadratic surface, float64 (2,); None where it has none within reach."""
    curvature = np.array([[surface[3], surface[4]], [surface[4], surface[5]]])
    if np.linalg.eigvalsh(curvature)[0] <= _FLAT * abs(surface[0]):
        return None
    found: np.ndarray = -np.linalg.solve(curvature, surface[1:3])
    return found if np.abs(found).max() <= reach else None


def _draws(surfaces: np.ndarray) -> np.ndarray:
    """Minima under resampled faces, float64 (R, 2); none where one in twenty resamples has none."""
    rng, count = np.random.default_rng(0), surfaces.shape[1]
    resampled = (surfaces[:, rng.integers(0, count, count)] for _ in range(_RESAMPLES))
    minima = (_minimum(surface.mean(axis=1), 2 * STEPS[0]) for surface in resampled)
    found = [minimum for minimum in minima if minimum is not None]
    return np.array(found) if len(found) >= 0.95 * _RESAMPLES else np.empty((0, 2))
