"""Resampling against PIL, PyTorch and TensorFlow; the crop; gradients."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from datasets.labels import FER7
from fer_models.contract import Contract, Resampling
from fer_models.pixels.in_keras import fit_to_contract
from fer_models.pixels.resampling import resampling_weights, resize_weights

SIZES = [(48, 48), (32, 20), (64, 112), (224, 96), (16, 8)]
"""Of a 48x36 image after resizing: equal, smaller, larger, mixed, a third or less.
None has a pixel whose centre falls on the border of two: libraries round those either way."""


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """float32 (48, 36) in [0, 1]."""
    return np.random.default_rng(0).random((48, 36), np.float32)


def _resized(image: np.ndarray, size: tuple[int, int], kind: str) -> np.ndarray:
    contract = Contract(*size, 1, FER7, resampling=Resampling(kind))
    return np.asarray(fit_to_contract(tf.constant(image[None, ..., None]), contract))[0, ..., 0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("nearest", Image.Resampling.NEAREST),
        ("bilinear_antialias", Image.Resampling.BILINEAR),
        ("bicubic_antialias", Image.Resampling.BICUBIC),
        ("lanczos_antialias", Image.Resampling.LANCZOS),
    ],
)
def test_resampling_is_that_of_pil(
    image: np.ndarray, size: tuple[int, int], kind: str, code: Image.Resampling
) -> None:
    expected = np.asarray(Image.fromarray(image).resize(size[::-1], code))
    np.testing.assert_allclose(_resized(image, size, kind), expected, atol=2e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("kind", "method", "antialias"),
    [
        ("nearest", "nearest", False),
        ("bilinear", "bilinear", False),
        ("bilinear_antialias", "bilinear", True),
        ("bicubic_keras", "bicubic", False),
        ("bicubic_antialias", "bicubic", True),
        ("area", "area", False),
    ],
)
def test_resampling_is_that_of_tensorflow(
    image: np.ndarray, size: tuple[int, int], kind: str, method: str, antialias: bool
) -> None:
    expected = tf.image.resize(image[..., None], size, method, antialias=antialias)[..., 0]
    # TensorFlow reads the bicubic kernel from a table of 1,024 entries
    tolerance = 2e-3 if kind == "bicubic_keras" else 2e-5
    np.testing.assert_allclose(_resized(image, size, kind), expected, atol=tolerance)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("kind", "mode", "antialias"),
    [
        ("nearest", "nearest-exact", False),
        ("bilinear", "bilinear", False),
        ("bilinear_antialias", "bilinear", True),
        ("bicubic", "bicubic", False),
        ("bicubic_antialias", "bicubic", True),
    ],
)
def test_resampling_is_that_of_pytorch(
    image: np.ndarray, size: tuple[int, int], kind: str, mode: str, antialias: bool
) -> None:
    torch = pytest.importorskip("torch")
    batch = torch.from_numpy(image)[None, None]
    expected = torch.nn.functional.interpolate(batch, size, mode=mode, antialias=antialias)
    np.testing.assert_allclose(_resized(image, size, kind), expected[0, 0].numpy(), atol=5e-6)


@pytest.mark.parametrize("kind", list(Resampling))
def test_gradients_are_those_of_the_weights(image: np.ndarray, kind: Resampling) -> None:
    contract = Contract(9, 70, 1, FER7, resampling=kind, resized=(20, 70))
    images = tf.constant(image[None, ..., None])
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(fit_to_contract(images, contract))
    rows = resampling_weights(48, 20, kind)[5:14].sum(axis=0)
    columns = resampling_weights(36, 70, kind).sum(axis=0)
    expected = rows[:, None] * columns
    np.testing.assert_allclose(tape.gradient(total, images)[0, ..., 0], expected, atol=1e-4)
    step = np.zeros_like(image)
    step[10, 20] = 1e-2
    moved = tf.reduce_sum(fit_to_contract(tf.constant((image + step)[None, ..., None]), contract))
    assert float(moved - total) / 1e-2 == pytest.approx(expected[10, 20], abs=2e-2)


def test_the_crop_is_the_centre_of_the_resized_image(image: np.ndarray) -> None:
    square = image[:36]
    whole = _resized(square, (60, 60), "bicubic_antialias")
    contract = Contract(51, 50, 1, FER7, resampling=Resampling.BICUBIC_ANTIALIAS, resized=(60, 60))
    found = np.asarray(fit_to_contract(tf.constant(square[None, ..., None]), contract))
    np.testing.assert_allclose(found[0, ..., 0], whole[4:55, 5:55], atol=1e-6)
    uncut = Contract(36, 36, 1, FER7, resized=(36, 36))
    same = np.asarray(fit_to_contract(tf.constant(square[None, ..., None]), uncut))
    np.testing.assert_allclose(same[0, ..., 0], square, atol=1e-6)
    with pytest.raises(ValueError, match="at least its size"):
        Contract(24, 24, 1, FER7, resized=(20, 60))


@pytest.mark.parametrize(
    ("size", "edge", "resized"),
    [
        ((20, 90), 112, (112, 504)),  # 112 / 20 * 90 is 503.99... in floats
        ((45, 20), 112, (252, 112)),
        ((36, 48), 50, (50, 66)),  # 66.67
        ((48, 36), (50, 50), (66, 50)),
        ((48, 48), (40, 60), (60, 60)),
        ((30, 60), (40, 60), (40, 80)),
    ],
)
def test_the_longer_side_is_that_of_hugging_face(
    size: tuple[int, int], edge: int | tuple[int, int], resized: tuple[int, int]
) -> None:
    sides = (edge, edge) if isinstance(edge, int) else edge
    kept = Contract(*sides, 1, FER7, resized=sides, keep_aspect=True)
    cut = Contract(*sides, 1, FER7, resized=resized)
    for found, expected in zip(resize_weights(*size, kept), resize_weights(*size, cut)):
        np.testing.assert_array_equal(found, expected)


def test_nearest_is_not_that_of_pytorch() -> None:
    """The pixel that holds the centre: 1.5 of 3 is in pixel 1; PyTorch's `nearest` takes 0."""
    torch = pytest.importorskip("torch")
    assert resampling_weights(3, 1, Resampling.NEAREST).tolist() == [[0, 1, 0]]
    assert torch.nn.functional.interpolate(torch.arange(3.0)[None, None], 1).item() == 0


def test_the_aspect_is_kept_where_the_contract_says_so(image: np.ndarray) -> None:
    kept = Contract(24, 24, 1, FER7, resized=(24, 24), keep_aspect=True)
    found = np.asarray(fit_to_contract(tf.constant(image[None, ..., None]), kept))[0, ..., 0]
    whole = _resized(image, (32, 24), "bilinear")
    np.testing.assert_allclose(found, whole[4:28], atol=1e-6)
