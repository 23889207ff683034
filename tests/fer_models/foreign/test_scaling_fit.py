"""Black and white fitted on surfaces whose minimum is known."""

from collections.abc import Callable

import numpy as np
import pytest

from datasets.labels import FER7
from fer_models.contract import Contract
from fer_models.foreign.scaling_fit import MOST_CALLS, STEP, Fit, cross_entropy, fit_scaling

LABELS = np.arange(280) % 7
INPUTS = np.random.default_rng(0).normal(0.5, 0.25, (280, 4, 4, 1)).astype(np.float32)
_NOISE = np.random.default_rng(1).standard_normal((280, 7))


def net(gain: float, shift: float) -> Callable[[np.ndarray], np.ndarray]:
    """Best where its inputs are `INPUTS` times the gain, plus the shift; noise elsewhere."""
    centre = INPUTS * gain + shift

    def logits(inputs: np.ndarray) -> np.ndarray:
        away = np.log(inputs.std() / centre.std()) ** 2
        away += ((inputs.mean() - centre.mean()) / centre.std()) ** 2
        return 3 * np.eye(7)[LABELS] * np.exp(-4 * away) + _NOISE

    return logits


def test_cross_entropy_is_that_of_the_best_temperature() -> None:
    """Three of four faces are of the class that all logits name: best is the share of 75 %."""
    labels = np.array([0, 0, 0, 1])
    expected = -np.log([0.75, 0.75, 0.75, 0.25])
    for scale, level in ((1.0, 0.0), (1000.0, 5.0), (0.01, -3.0)):
        logits = np.tile([scale, 0.0], (4, 1)) + level
        np.testing.assert_allclose(cross_entropy(logits, labels), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("gain", "shift"), [(1.0, 0.0), (1.2, 0.05), (0.85, -0.06), (1.35, 0.1), (0.75, 0.1)]
)
def test_gain_and_shift_are_found(gain: float, shift: float) -> None:
    fit = fit_scaling(INPUTS, LABELS, net(gain, shift))
    assert np.log(fit.gain / gain) == pytest.approx(0, abs=0.2)  # the surface is no parabola
    # the shift counts at the mean of the inputs, which the gain moves too
    found, true = 0.5 * fit.gain + fit.shift, 0.5 * gain + shift
    assert found == pytest.approx(true, abs=0.08)
    if len(fit.draws):
        assert fit.draws.mean(axis=0) == pytest.approx([fit.gain, fit.shift], abs=0.02)
        assert ((fit.draws.std(axis=0) > 0.002) & (fit.draws.std(axis=0) < 0.03)).all()
    assert fit.draws.shape == ((200, 2) if gain in (1.0, 1.2) else (0, 2))


def test_one_move_is_enough_where_the_centre_is_best() -> None:
    asked: list[tuple[float, float]] = []
    right = net(1.0, 0.0)

    def logits(inputs: np.ndarray) -> np.ndarray:
        assert inputs.dtype == np.float32
        asked.append((float(inputs.mean()), float(inputs.std())))
        return right(inputs)

    fit_scaling(INPUTS, LABELS, logits)
    assert len(asked) == 9
    spread = float(INPUTS.std())
    gains = sorted({round(std / spread, 3) for _, std in asked})
    assert gains == pytest.approx([np.exp(-STEP), 1, np.exp(STEP)], abs=2e-3)
    asked.clear()

    def farther(inputs: np.ndarray) -> np.ndarray:
        asked.append((0, 0))
        return net(1.6, 0.0)(inputs)

    fit_scaling(INPUTS, LABELS, farther)
    assert len(asked) == MOST_CALLS == 18


def test_a_flat_surface_has_no_errors() -> None:
    logits = 3 * np.eye(7)[LABELS] + _NOISE
    fit = fit_scaling(INPUTS, LABELS, lambda _: logits)
    assert fit.draws.shape == (0, 2)
    assert fit.words(Contract(4, 4, 1, FER7))[0].endswith("(error unknown)")


def test_black_and_white_are_those_of_the_fitted_inputs() -> None:
    """Inputs of -1 to 1, times 2, plus 0.5; a spread of 0.1 in the shift alone."""
    fit = Fit(2.0, 0.5, np.array([[2.0, 0.4], [2.0, 0.6]]))
    before = Contract(4, 4, 1, FER7, low=-1.0, high=1.0)
    assert fit.words(before) == ("-1.5 +- 0.1", "2.5 +- 0.1")
    assert fit.fields(before) == {"low": -1.5, "high": 2.5}
    only_gain = Fit(2.0, 0.5, np.array([[1.5, 0.5], [2.5, 0.5]]))
    assert only_gain.words(Contract(4, 4, 1, FER7, high=4.0)) == ("0.5 +- 0", "8.5 +- 2")


@pytest.mark.parametrize("std", [(0.25,), (0.25, 0.5)])
def test_mean_and_std_are_moved_where_a_contract_has_them(std: tuple[float, ...]) -> None:
    fit = Fit(2.0, 0.5, np.empty((0, 2)))
    mean = (0.5,) * len(std)
    channels = {1: 1, 2: 3}[len(std)]
    if channels == 3:
        std, mean = (*std, 0.1), (0.5, 0.4, 0.3)
    before = Contract(4, 4, channels, FER7, mean=mean, std=std)
    fields = fit.fields(before)
    after = Contract(4, 4, channels, FER7, **fields)  # type: ignore[arg-type]
    pixels = np.linspace(0, 1, 5)[:, None]
    moved = (pixels - before.mean) / before.std * 2 + 0.5
    np.testing.assert_allclose((pixels - after.mean) / after.std, moved)
    black = (0 - mean[0]) / std[0] * 2 + 0.5
    assert fit.words(before)[0] == f"{black:.3g} (error unknown)"


def test_one_std_serves_several_means() -> None:
    before = Contract(4, 4, 3, FER7, mean=(0.5, 0.4, 0.3), std=(0.25,))
    fields = Fit(2.0, 0.5, np.empty((0, 2))).fields(before)
    assert fields["mean"] == pytest.approx((0.4375, 0.3375, 0.2375))
    assert fields["std"] == pytest.approx((0.125,) * 3)
