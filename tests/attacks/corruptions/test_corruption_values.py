"""Values of the corruptions by hand, beyond what every corruption must do."""

import numpy as np
import pytest

from attacks.base import Keys
from attacks.corruptions.blur.defocus_blur import DefocusBlur, disc
from attacks.corruptions.blur.kernels import kernel_of_shifts
from attacks.corruptions.blur.motion_blur import MotionBlur
from attacks.corruptions.blur.zoom_blur import ZoomBlur
from attacks.corruptions.digital.pixelate import Pixelate
from attacks.corruptions.geometry.crop_jitter import CropJitter
from attacks.corruptions.geometry.rotation import Rotation
from attacks.corruptions.geometry.scale import Scale
from attacks.corruptions.geometry.translation import Translation
from attacks.corruptions.geometry.warps import warp
from attacks.corruptions.noise.impulse_noise import ImpulseNoise
from attacks.corruptions.noise.shot_noise import ShotNoise
from attacks.corruptions.noise.speckle_noise import SpeckleNoise
from attacks.corruptions.occlusion.bars import EyesBar, MouthBar
from attacks.corruptions.occlusion.hand import Hand
from attacks.corruptions.occlusion.random_squares import RandomSquares
from attacks.corruptions.weather.fog import Fog
from attacks.corruptions.weather.low_light import LowLight
from attacks.corruptions.weather.rain import Rain

KEYS = Keys(0, np.arange(20))


def grey(value=0.5, count=20, size=48):
    return np.full((count, size, size, 1), value, np.float32)


def ramp(count=20, size=48):
    """Grey grows by 1/size a column."""
    return np.broadcast_to(
        np.arange(size, dtype=np.float32)[:, None] / size, (count, size, size, 1)
    )


def test_shot_noise_has_the_variance_of_counted_photons():
    noise = ShotNoise()(grey(), 1, KEYS) - 0.5
    photons = (500 * 250) ** 0.5
    assert noise.std() == pytest.approx((0.5 / photons) ** 0.5, rel=0.02)  # sqrt(mean / photons)
    assert not ShotNoise()(grey(0.0), 5, KEYS).any()


def test_low_light_keeps_its_share():
    dark = LowLight()(grey(), 5, KEYS)
    assert dark.mean() == pytest.approx(0.5 * 0.16, rel=0.02)
    assert dark.std() == pytest.approx((0.5 * 0.16 / 200) ** 0.5, rel=0.03)


def test_impulse_noise_makes_half_white_half_black():
    noisy = ImpulseNoise()(grey(), 5, KEYS)
    share = (0.07 * 0.14) ** 0.5
    assert (noisy == 1).mean() == pytest.approx(share / 2, rel=0.1)
    assert (noisy == 0).mean() == pytest.approx(share / 2, rel=0.1)
    assert set(np.unique(noisy)) == {0, 0.5, 1}
    weaker = ImpulseNoise()(grey(), 2, KEYS)
    assert (noisy[weaker != 0.5] == weaker[weaker != 0.5]).all()  # what was hit stays hit


def test_speckle_noise_grows_with_brightness():
    for value in (0.25, 0.5):
        noise = SpeckleNoise()(grey(value), 1, KEYS) - value
        assert noise.std() == pytest.approx(value * (0.06 * 0.15) ** 0.5, rel=0.02)


def test_kernels_interpolate_between_pixels():
    kernel = kernel_of_shifts(np.array([0.0, 0.0]), np.array([0.25, 1.0]), np.array([1.0, 3.0]))
    middle = len(kernel) // 2
    row = kernel[middle]
    assert row[middle : middle + 2].tolist() == [0.75 / 4, (0.25 + 3) / 4]
    assert kernel.sum() == pytest.approx(1)


def test_the_disc_of_defocus_is_round_and_grows():
    for radius in (0.4, 1.5):
        kernel = disc(radius)
        np.testing.assert_allclose(kernel, kernel.T, atol=1e-7)
        np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-7)
    wide = disc(3.0)
    middle = len(wide) // 2
    assert wide[middle, middle + 1] == pytest.approx(1 / (9 * np.pi), rel=0.03)  # 1 / area
    point = np.zeros((1, 21, 21, 1), np.float32)
    point[0, 10, 10] = 1
    assert DefocusBlur()(point, 5, Keys(0, [0])).sum() == pytest.approx(1, abs=1e-4)


def test_motion_goes_one_way_per_row():
    point = np.zeros((20, 31, 31, 1), np.float32)
    point[:, 15, 15] = 1
    blurred = MotionBlur()(point, 5, KEYS)[..., 0]
    columns = (blurred.sum(axis=1) * np.arange(31)).sum(axis=1) - 15
    rows = (blurred.sum(axis=2) * np.arange(31)).sum(axis=1) - 15
    assert (np.abs(columns) > 1).all() and (np.sign(columns) == np.sign(columns[0])).all()
    slopes = np.abs(rows / columns)
    assert slopes.max() < 1.1 and np.ptp(slopes) > 0.3  # within 45 degrees, another for each row


def test_pixelate_shows_few_values():
    coarse = Pixelate()(ramp(2), 5, KEYS)
    assert len(np.unique(coarse[0].round(4))) == int(48 * (0.65 * 0.5) ** 0.5)


def test_warp_takes_pixels_from_where_the_map_says():
    image = np.zeros((1, 9, 9, 1), np.float32)
    image[0, 2, 3] = 1  # y 2, x 3: (-1, -2) from the middle
    shift = np.array([[[1.0, 0, 2], [0, 1, 1]]])  # taken from 2 to the right, 1 below
    assert np.argwhere(warp(image, shift)[0, ..., 0]).tolist() == [[1, 1]]
    quarter = np.array([[[0.0, -1, 0], [1, 0, 0]]])  # (x, y) comes from (-y, x): x = -2, y = 1
    turned = warp(image, quarter)[0, ..., 0]
    assert np.unravel_index(turned.argmax(), turned.shape) == (5, 2)


def test_translation_shifts_by_its_share():
    moved = Translation()(ramp(), 3, KEYS)[:, 20:28, 20:28, 0] - ramp()[:, 20:28, 20:28, 0]
    length = 0.07  # a column is 1/48 and the shift 0.07 * 48 columns
    assert np.abs(moved).max() <= length + 1e-2
    assert np.abs(moved).max() > 0.8 * length and np.ptp(moved.mean(axis=(1, 2))) > length


def test_rotation_and_scale_go_both_ways_about_the_middle():
    for corruption, slope in ((Rotation(), np.cos(np.radians(30))), (Scale(), None)):
        moved = corruption(ramp(), 5, KEYS)[..., 0]
        np.testing.assert_allclose(moved[:, 23:25, 23:25].mean(axis=(1, 2)), 23.5 / 48, atol=0.01)
        across = (moved[:, 24, 30] - moved[:, 24, 18]) / 12 * 48
        if slope:
            down = (moved[:, 30, 24] - moved[:, 18, 24]) / 12 * 48
            assert across == pytest.approx([slope] * 20, abs=0.03)
            assert sorted({round(float(value), 1) for value in down}) == [-0.5, 0.5]  # sin 30
        else:
            assert sorted({round(float(value), 1) for value in across}) == [
                0.7,
                1.4,
            ]  # 1.42, 1/1.42


def test_crop_jitter_moves_each_side_by_at_most_its_share():
    moved = CropJitter()(ramp(), 5, KEYS)[..., 0]
    left, right = moved[:, 24, 0], moved[:, 24, -1]
    assert left.max() <= 0.19 + 1e-2 and right.min() >= 47 / 48 - 0.19 - 1e-2
    assert np.ptp(left) > 0.1 and np.ptp(right) > 0.1


def test_zoom_blur_leaves_the_middle():
    assert ZoomBlur()(grey(), 5, KEYS) == pytest.approx(0.5)
    changed = np.abs(ZoomBlur()(ramp(1), 5, Keys(0, [0])) - ramp(1))[0, ..., 0]
    assert changed[24, 23] < 0.005 < changed[24, 2]


@pytest.mark.parametrize(("bar", "middle"), [(EyesBar, 0.37), (MouthBar, 0.79)])
def test_bars_cover_their_rows(bar, middle):
    changed = np.argwhere(bar()(grey(count=1), 5, Keys(0, [0]))[0, ..., 0] != 0.5)
    top, left = changed.min(axis=0)
    bottom, right = changed.max(axis=0) + 1
    assert (left, right) == (3, 45)  # 6 % of 48 free on each side
    assert bottom - top in (12, 13)  # 26 % of 48 is 12.5
    assert (top + bottom) / 2 == pytest.approx(middle * 48, abs=1)


def test_a_hand_covers_more_with_severity_and_never_most_of_a_face():
    covered = [(np.abs(Hand()(grey(0.0), s, KEYS)) > 0).mean() for s in (1, 5)]
    assert 0.02 < covered[0] < 0.15 < covered[1] < 0.6


def test_squares_are_counted_and_nested():
    one, nine = (RandomSquares()(grey(2 / 3), s, KEYS) != np.float32(2 / 3) for s in (1, 5))
    side = round(0.2 * 48)
    assert (one.sum(axis=(1, 2, 3)) == side**2).all()
    assert (nine | ~one).all()
    assert (nine.sum(axis=(1, 2, 3)) <= 9 * side**2).all()


def test_fog_keeps_black_images_black_and_lightens_shadows():
    assert not Fog()(grey(0.0), 5, KEYS).any()
    half = grey()
    half[:, :24] = 0
    foggy = Fog()(half, 3, KEYS)
    assert foggy[:, :24].mean() > 0.1 and foggy.max() <= 0.5 + 1e-6


def test_rain_only_brightens_what_is_darker_than_it():
    rainy = Rain()(grey(), 5, KEYS)
    assert (rainy >= 0.5).all() and rainy.max() <= 0.5 * 0.45 + 0.9 * 0.55 + 1e-5
    few, many = ((Rain()(grey(), s, KEYS) > 0.5).mean() for s in (1, 5))
    assert 0.005 < few < many < 0.4
