"""What every registered corruption must do, and the values of the tables."""

import io

import numpy as np
import pytest
from PIL import Image

from attacks.base import Keys
from attacks.corruptions.base import SEVERITIES
from attacks.corruptions.blur.gaussian_blur import GaussianBlur
from attacks.corruptions.digital.jpeg import Jpeg
from attacks.corruptions.noise.gaussian_noise import GaussianNoise
from attacks.corruptions.severity import between
from attacks.corruptions.weather.brightness import Brightness
from attacks.corruptions.weather.contrast import Contrast
from attacks.registry import CORRUPTIONS
from datasets.base.errors import InputError
from tests.attacks import tiny

every_corruption = pytest.mark.parametrize("name", CORRUPTIONS)
SIZE = (48, 48, 1)


def faces(count=12, shape=SIZE):
    """Smooth blobs: blur and JPEG are meant for images with structure."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / shape[0]
    phase = np.arange(count)[:, None, None]
    grey = 0.5 + 0.3 * np.sin(9 * x + phase) * np.cos(7 * y - phase)
    return np.repeat(grey[..., None], shape[2], axis=3).astype(np.float32)


@every_corruption
@pytest.mark.parametrize("shape", [SIZE, (28, 30, 1), (32, 32, 3)])
def test_range_type_and_severity_zero(name, shape):
    images, keys = faces(6, shape), Keys(2, np.arange(6))
    corruption = CORRUPTIONS[name]()
    assert corruption(images, 0, keys).tobytes() == images.tobytes()
    for severity in SEVERITIES:
        worse = corruption(images, severity, keys)
        assert worse.shape == images.shape and worse.dtype == np.float32
        assert worse.min() >= 0 and worse.max() <= 1
        assert not np.array_equal(worse, images)


@every_corruption
def test_higher_severity_is_further_away(name):
    images, keys = faces(), Keys(2, np.arange(12))
    means = [np.abs(CORRUPTIONS[name]()(images, s, keys) - images).mean() for s in SEVERITIES]
    assert means == sorted(means) and means[0] > 0


@every_corruption
def test_rows_do_not_hang_on_their_batch(name):
    images, rows = faces(), np.arange(50, 62)
    corruption = CORRUPTIONS[name]()
    whole = corruption(images, 3, Keys(4, rows))
    order = np.random.default_rng(0).permutation(12)
    parts = [corruption(images[i : i + 1], 3, Keys(4, rows[i : i + 1])) for i in order]
    np.testing.assert_array_equal(np.concatenate(parts), whole[order])
    np.testing.assert_array_equal(corruption(images, 3, Keys(4, rows)), whole)


@every_corruption
@pytest.mark.parametrize("severity", [-1, 6, 1.5])
def test_other_severities_are_refused(name, severity):
    with pytest.raises(InputError, match=r"`severity` must be 0 \(clean\) to 5"):
        CORRUPTIONS[name]()(faces(1), severity, Keys(0, np.arange(1)))


@every_corruption
def test_pixels_of_255_are_refused(name):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        CORRUPTIONS[name]()(faces(1) * 255, 1, Keys(0, np.arange(1)))


def test_tables_lie_between_those_of_32_and_64_pixels():
    assert between(at_32px=(4.0,), at_64px=(9.0,)) == (6.0,)  # sqrt(4 * 9)
    assert GaussianNoise.standard_deviations[4] == pytest.approx((0.10 * 0.18) ** 0.5)
    assert Jpeg.qualities[4] == pytest.approx((40 * 25) ** 0.5)


def test_noise_has_its_standard_deviation():
    grey = np.full((20, *SIZE), 0.5, np.float32)
    noise = GaussianNoise()(grey, 5, Keys(0, np.arange(20))) - grey
    assert noise.std() == pytest.approx(0.1342, rel=0.02)  # sqrt(.10 * .18)
    assert GaussianNoise()(grey, 5, Keys(1, np.arange(20))).tobytes() != noise.tobytes()


def test_contrast_keeps_the_mean():
    image = np.array([0.2, 0.6], np.float32).reshape(1, 1, 2, 1)
    share = (0.75 * 0.4) ** 0.5
    expected = 0.4 + share * np.array([-0.2, 0.2])
    np.testing.assert_allclose(Contrast()(image, 1, Keys(0, [0])).ravel(), expected, atol=1e-6)


def test_brightness_raises_value_and_keeps_hue():
    offset = (0.05 * 0.1) ** 0.5
    grey = np.array([0.0, 0.5, 0.99], np.float32).reshape(1, 1, 3, 1)
    brighter = Brightness()(grey, 1, Keys(0, [0])).ravel()
    np.testing.assert_allclose(brighter, [offset, 0.5 + offset, 1.0], atol=1e-6)
    colour = np.array([0.5, 0.25, 0.0], np.float32).reshape(1, 1, 1, 3)
    scaled = np.array([1, 0.5, 0]) * (0.5 + offset)
    np.testing.assert_allclose(Brightness()(colour, 1, Keys(0, [0])).ravel(), scaled, atol=1e-6)


def test_blur_spreads_a_point_and_keeps_channels_apart():
    point = np.zeros((1, 21, 21, 3), np.float32)
    point[0, 10, 10, 0] = 1
    blurred = GaussianBlur()(point, 5, Keys(0, [0]))[0]
    sigma = (1.0 * 1.5) ** 0.5
    assert blurred[10, 11, 0] / blurred[10, 10, 0] == pytest.approx(np.exp(-0.5 / sigma**2))
    assert blurred[..., 0].sum() == pytest.approx(1, abs=1e-4) and not blurred[..., 1:].any()


def test_jpeg_is_what_opencv_decodes():
    import cv2

    image = tiny.images(1, SIZE)
    pixels = np.rint(image[0, ..., 0] * 255).astype(np.uint8)
    quality = round((80 * 65) ** 0.5)
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    expected = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(Jpeg()(image, 1, Keys(0, [0]))[0, ..., 0], expected)


def test_jpeg_of_colours_is_what_pillow_decodes():
    """With red and blue exchanged, pixels differ by 4 levels on average."""
    images = np.rint(faces(4, (48, 48, 3)) * [255, 120, 20]).astype(np.uint8)
    corrupted = Jpeg()(images.astype(np.float32) / 255, 5, Keys(0, np.arange(4))) * 255
    for image, found in zip(images, corrupted, strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=round((40 * 25) ** 0.5))
        assert np.abs(found - np.asarray(Image.open(file))).mean() < 0.5
