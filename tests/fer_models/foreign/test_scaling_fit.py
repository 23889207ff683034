"""Black and white fitted on surfaces whose minimum is known."""

from collections.abc import Callable

import numpy as np
import pytest

from datasets.labels import FER7
from fer_models.contract import Contract
from fer_models.foreign.scaling_fit import (
    MOST_CALLS,
    Fit,
    _minimum,
    cross_entropy,
    fit_scaling,
)

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


def tilted(
    best: np.ndarray, noise: np.ndarray, skew: float, strength: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Best for each face at its own log of the gain and shift, (N, 2), of 0.25 and 0.75."""

    def logits(inputs: np.ndarray) -> np.ndarray:
        place = np.array([np.log(inputs.std() / 0.25), (inputs.mean() - 0.5) / 0.25])
        away = (place - best) @ np.array([[1, 0], [0.5, 1]])
        away = away * np.exp(skew * np.tanh(2 * away))
        share = np.exp(-4 * (away**2).sum(axis=1, keepdims=True))
        return strength * np.eye(7)[LABELS[: len(best)]] * share + noise

    return logits


def test_cross_entropy_is_that_of_the_best_temperature() -> None:
    """Three of four faces are of the class that all logits name: best is the share of 75 %."""
    labels = np.array([0, 0, 0, 1])
    expected = -np.log([0.75, 0.75, 0.75, 0.25])
    for scale, level in ((1.0, 0.0), (1000.0, 5.0), (0.01, -3.0)):
        logits = np.tile([scale, 0.0], (4, 1)) + level
        np.testing.assert_allclose(cross_entropy(logits, labels), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("gain", "shift"),
    [(1.0, 0.0), (1.1, -0.05), (1.2, 0.05), (0.85, -0.06), (1.35, -0.1), (0.75, 0.1)],
)
def test_gain_and_shift_are_found(gain: float, shift: float) -> None:
    """The surface is no parabola: one hexagon of step 0.35 would be up to 15 % off in gain."""
    fit = fit_scaling(INPUTS, LABELS, net(gain, shift))
    assert fit.gain == pytest.approx(gain, rel=0.01)
    assert fit.shift == pytest.approx(shift, abs=0.005)
    assert fit.draws.shape == (200, 2)
    assert fit.draws.mean(axis=0) == pytest.approx([fit.gain, fit.shift], abs=0.02)
    for words, true in zip(fit.words(Contract(4, 4, 1, FER7)), (shift, gain + shift)):
        value, error = map(float, words.split(" +- "))
        assert abs(value - true) <= error + 0.0005 < 0.05  # words are rounded


@pytest.mark.parametrize(
    ("far", "own", "skew", "strength"),
    [(0.35, 0.2, 0.0, 3.0), (0.35, 0.0, 0.3, 3.0), (0.1, 0.3, 0.0, 2.0), (0.1, 0.1, 0.0, 4.0)],
)
def test_errors_cover_the_truth(far: float, own: float, skew: float, strength: float) -> None:
    """On 40 samples of 210 faces each; faces differ in what they are read best at, by `own`.

    The surface is tilted, and steeper on one side where `skew` is not 0; its minimum is known.
    """
    rng = np.random.default_rng(3)
    inputs = np.tile(np.array([0.25, 0.75], np.float32), (210, 1)).reshape(210, 1, 2, 1)
    covered, unknown = [], 0
    for _ in range(40):
        truth = rng.uniform(-far, far, 2)
        best = truth + own * rng.standard_normal((210, 2))
        logits = tilted(best, rng.standard_normal((210, 7)), skew, strength)
        fit, gain = fit_scaling(inputs, LABELS[:210], logits), np.exp(truth[0])
        shift = 0.5 * (1 - gain) + 0.25 * truth[1]
        for words, true in zip(fit.words(Contract(4, 4, 1, FER7)), (shift, gain + shift)):
            if words.endswith("(error unknown)"):
                unknown += 1
            else:
                value, error = map(float, words.split(" +- "))
                covered.append(abs(value - true) <= error + 0.0005)  # words are rounded
    assert unknown <= 8
    assert np.mean(covered) >= 0.9


def test_the_second_step_is_left_out_where_the_first_minimum_is_near() -> None:
    asked: list[tuple[float, float]] = []

    def near(inputs: np.ndarray) -> np.ndarray:
        assert inputs.dtype == np.float32
        asked.append((float(inputs.mean()), float(inputs.std())))
        return net(1.0, 0.0)(inputs)

    fit_scaling(INPUTS, LABELS, near)
    assert len(asked) == 14
    mean, spread = float(INPUTS.mean()), float(INPUTS.std())
    shifts, gains = zip(*(((m - mean) / spread, np.log(std / spread)) for m, std in asked[:7]))
    half, side = 0.35 / 2, 0.35 * np.sqrt(0.75)
    corners = [2 * half, half, -half, -2 * half, -half, half]
    assert gains == pytest.approx([0, *corners], abs=1e-3)
    assert shifts == pytest.approx([0, 0, side, side, 0, -side, -side], abs=1e-3)
    last = [np.log(std / asked[7][1]) for _, std in asked[7:]]
    assert max(last) == pytest.approx(0.1, abs=1e-3)
    asked.clear()

    def farther(inputs: np.ndarray) -> np.ndarray:
        asked.append((float(inputs.mean()), float(inputs.std())))
        return net(1.6, 0.0)(inputs)

    fit_scaling(INPUTS, LABELS, farther)
    assert len(asked) == MOST_CALLS == 21
    assert np.log(asked[8][1] / asked[7][1]) == pytest.approx(0.2, abs=1e-3)


def test_what_lies_beyond_the_search_has_no_error() -> None:
    fit = fit_scaling(INPUTS, LABELS, net(3.5, 0.0))
    assert 1.5 < fit.gain < 3.5
    assert fit.draws.shape == (0, 2)


def test_bounds_are_the_last_move_to_either_side() -> None:
    asked: list[tuple[float, float]] = []

    def logits(inputs: np.ndarray) -> np.ndarray:
        asked.append((float(inputs.mean()), float(inputs.std())))
        return net(1.2, -0.15)(inputs)

    fit = fit_scaling(INPUTS, LABELS, logits)
    mean, spread = float(INPUTS.mean()), float(INPUTS.std())
    level, width = asked[-7]  # centre of the last hexagon
    moves = np.array([np.log(fit.gain * spread / width), fit.gain * mean + fit.shift - level])
    assert (np.abs(moves) > 2e-4).all()
    beside = np.stack(
        [np.log(fit.bounds[:, 0] / fit.gain), fit.bounds @ [mean, 1] - fit.gain * mean - fit.shift],
        axis=1,
    )
    corners = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    expected = np.abs(moves) * corners
    found = beside[np.lexsort((beside[:, 1], np.round(beside[:, 0], 5)))]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_saddle_is_no_minimum() -> None:
    """Best at the gain 1, and the better the farther the inputs are shifted."""
    mean, spread = float(INPUTS.mean()), float(INPUTS.std())

    def logits(inputs: np.ndarray) -> np.ndarray:
        gain, shift = np.log(inputs.std() / spread), (inputs.mean() - mean) / spread
        share = np.exp(-4 * gain**2) * (0.3 + 0.6 * np.tanh(shift**2))
        return np.asarray(3 * share * np.eye(7)[LABELS] + _NOISE)

    fit = fit_scaling(INPUTS, LABELS, logits)
    assert abs(fit.gain * mean + fit.shift - mean) > 0.4 * spread
    assert fit.draws.shape == (0, 2)


def test_few_faces_that_say_little_have_an_error_only_where_resamples_have_a_minimum() -> None:
    rng = np.random.default_rng(0)
    inputs = np.tile(np.array([0.25, 0.75], np.float32), (70, 1)).reshape(70, 1, 2, 1)
    counts, widest = [], 0.0
    for _ in range(15):
        best = 0.4 * rng.standard_normal((70, 2))
        logits = tilted(best, rng.standard_normal((70, 7)), 0.0, 1.0)
        fit = fit_scaling(inputs, LABELS[:70], logits)
        counts.append(len(fit.draws))
        if counts[-1]:
            widest = max(widest, float(np.abs(np.log(fit.draws[:, 0] / fit.gain)).max()))
    assert 0.6 < widest < 0.75, "of 0.7 from the last centre"
    assert 0 < sum(count == 0 for count in counts) < 15
    assert 190 <= min(count for count in counts if count) < 199


def test_a_flat_surface_has_no_errors() -> None:
    logits = 3 * np.eye(7)[LABELS] + _NOISE
    fit = fit_scaling(INPUTS, LABELS, lambda _: logits)
    assert fit.draws.shape == (0, 2)
    assert fit.words(Contract(4, 4, 1, FER7))[0].endswith("(error unknown)")


def test_rounding_is_no_curvature() -> None:
    """Whether a flat surface has a minimum of 1e-16 depends on the processor."""
    rounded = np.array([1.9, 1e-16, 1e-16, 3e-15, 0.0, 3e-15])
    assert _minimum(rounded, 1.0) is None
    curved = np.array([1.9, 1e-4, -2e-4, 1e-3, 0.0, 1e-3])
    assert _minimum(curved, 1.0) == pytest.approx((-0.1, 0.2))


def test_black_and_white_are_those_of_the_fitted_inputs() -> None:
    """Inputs of -1 to 1, times 2, plus 0.5; errors are 1.96 standard deviations of resamples."""
    before = Contract(4, 4, 1, FER7, low=-1.0, high=1.0)
    fit = Fit(2.0, 0.5, np.array([[2.0, 0.4], [2.0, 0.6]]), np.empty((0, 2)))
    here = np.array([[2.0, 0.5]])
    assert fit._replace(bounds=here).words(before) == ("-1.5 +- 0.2", "2.5 +- 0.2")
    assert fit.fields(before) == {"low": -1.5, "high": 2.5}
    only_gain = Fit(2.0, 0.5, np.array([[1.5, 0.5], [2.5, 0.5]]), here)
    assert only_gain.words(Contract(4, 4, 1, FER7, high=4.0)) == ("0.5 +- 0", "8.5 +- 3.9")
    together = Fit(2.0, 0.5, np.array([[1.5, 0.4], [2.5, 0.6]]), here)
    assert together.words(before) == ("-1.5 +- 0.78", "2.5 +- 1.2")


def test_what_the_search_leaves_open_is_part_of_the_error() -> None:
    before = Contract(4, 4, 1, FER7, low=-1.0, high=1.0)
    bounds = np.array([[2.3, 0.6], [1.7, 0.4]])  # black 1.7 and 1.3 below 0, white 2.9 and 2.1
    still = Fit(2.0, 0.5, np.array([[2.0, 0.5], [2.0, 0.5]]), bounds)
    assert still.words(before) == ("-1.5 +- 0.2", "2.5 +- 0.4")
    both = still._replace(draws=np.array([[2.0, 0.5 - 0.3 / 1.96], [2.0, 0.5 + 0.3 / 1.96]]))
    assert both.words(before)[1] == "2.5 +- 0.5"


@pytest.mark.parametrize("std", [(0.25,), (0.25, 0.5)])
def test_mean_and_std_are_moved_where_a_contract_has_them(std: tuple[float, ...]) -> None:
    fit = Fit(2.0, 0.5, np.empty((0, 2)), np.empty((0, 2)))
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
    fields = Fit(2.0, 0.5, np.empty((0, 2)), np.empty((0, 2))).fields(before)
    assert fields["mean"] == pytest.approx((0.4375, 0.3375, 0.2375))
    assert fields["std"] == pytest.approx((0.125,) * 3)
