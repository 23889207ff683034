"""Defences: what they do to pixels, their gradients, their draws, their names."""

import cv2
import numpy as np
import pytest
from keras import ops
from scipy.special import softmax

from datasets.base.errors import InputError
from fer_models import zoo
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.defences.base import Defence, defend
from fer_models.defences.registry import DEFENCES, parse_defence
from fer_models.losses import Loss
from tests.fer_models.conftest import tiny_classifier
from tests.fer_models.untrained import write_untrained

NAMES = ["jpeg75", "bits3", "blur0.8", "tv0.05", "resize_pad6", "views10", "smooth0.1"]


def smooth_faces(channels: int = 1) -> np.ndarray:
    """float32 (3, 20, 20, C): blurred noise on 8-bit levels; 20 is no multiple of 8."""
    rng = np.random.default_rng(0)
    noise = rng.random((3, 20, 20, channels), np.float32)
    faces = np.stack([cv2.GaussianBlur(n, (0, 0), 1.5).reshape(n.shape) for n in noise])
    return (np.round(255 * np.clip(2 * faces - 0.5, 0, 1)) / 255).astype(np.float32)


def apply(defence: Defence, images: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.asarray(defence(ops.convert_to_tensor(images), np.random.default_rng(seed)))


class BlackBox(Classifier):
    def __init__(self, inner: DifferentiableClassifier) -> None:
        self.inner, self.id, self.scheme = inner, "black", inner.scheme
        self.weights_sha256 = "0"

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.inner._batch_logits(images)


def test_the_list_above_is_whole() -> None:
    assert [type(parse_defence(name)).name for name in NAMES] == list(DEFENCES)


@pytest.mark.parametrize("name", NAMES)
def test_conformance(name: str) -> None:
    defence, images = parse_defence(name), smooth_faces()[:, :8, :8]
    inner = tiny_classifier()
    classifier = defend(inner, defence, name)
    assert isinstance(classifier, DifferentiableClassifier)
    assert classifier.id == f"tiny+{name}"
    assert classifier.weights_sha256 != inner.weights_sha256
    changed = apply(defence, images)
    assert changed.shape == images.shape
    assert np.abs(changed - images).max() > 1e-3
    assert np.array_equal(changed, apply(defence, images, 1)) is not defence.random
    logits = classifier.logits(images)
    np.testing.assert_array_equal(logits, classifier.logits(images))
    np.testing.assert_allclose(logits[1:2], classifier.logits(images[1:2]), atol=1e-5)
    black = defend(BlackBox(inner), defence, name)
    assert not isinstance(black, DifferentiableClassifier)
    np.testing.assert_allclose(black.logits(images), logits, atol=1e-5)
    gradient = classifier.input_gradients(images, np.arange(3), Loss.CROSS_ENTROPY).gradient
    assert gradient.any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("name", [n for n in NAMES if parse_defence(n).differentiable])
def test_exact_gradients_agree_with_finite_differences(name: str) -> None:
    classifier = defend(tiny_classifier(), parse_defence(name), name)
    assert isinstance(classifier, DifferentiableClassifier)
    images, labels = smooth_faces()[:, :8, :8] * 0.8 + 0.1, np.arange(3)
    found = classifier.input_gradients(images, labels, Loss.CROSS_ENTROPY)
    norms = np.sqrt(np.square(found.gradient).sum(axis=(1, 2, 3), keepdims=True))
    direction, step = found.gradient / norms, np.float32(5e-3)
    ahead = classifier.input_gradients(images + step * direction, labels, Loss.CROSS_ENTROPY)
    behind = classifier.input_gradients(images - step * direction, labels, Loss.CROSS_ENTROPY)
    slope = (ahead.loss - behind.loss) / (2 * step)
    np.testing.assert_allclose(slope, norms.ravel(), rtol=0.1, atol=1e-3)


def test_straight_through_is_the_gradient_at_the_rounded_image() -> None:
    images, labels = smooth_faces()[:, :8, :8], np.arange(3)
    defence, inner = parse_defence("bits3"), tiny_classifier()
    classifier = defend(inner, defence, "bits3")
    assert isinstance(classifier, DifferentiableClassifier)
    found = classifier.input_gradients(images, labels, Loss.CROSS_ENTROPY)
    there = inner.input_gradients(apply(defence, images), labels, Loss.CROSS_ENTROPY)
    np.testing.assert_allclose(found.gradient, there.gradient, atol=1e-5)


def test_bits_by_hand() -> None:
    images = np.array([0.0, 0.2, 0.49, 0.6, 1.0], np.float32).reshape(1, 1, 5, 1)
    # two bits: levels 0, 1/3, 2/3, 1; 3 * .2 = .6 -> 1, 3 * .49 = 1.47 -> 1, 3 * .6 = 1.8 -> 2
    expected = np.array([0, 1, 1, 2, 3]) / 3
    np.testing.assert_allclose(apply(parse_defence("bits2"), images).ravel(), expected, atol=1e-6)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_jpeg_is_what_opencv_writes(quality: int) -> None:
    images = smooth_faces()
    found = apply(parse_defence(f"jpeg{quality}"), images)
    for image, ours in zip(images, found):
        eight_bit = np.uint8(np.round(255 * image[..., 0]))
        _, file = cv2.imencode(".jpg", eight_bit, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)
        assert decoded is not None
        theirs = decoded.astype(np.float32)
        # Rims differ: the encoder fills the last blocks otherwise.
        inside = np.abs(255 * ours[..., 0] - theirs)[:16, :16]
        assert inside.max() <= 2
        assert inside.mean() < 0.5  # integer against float cosine transform


def test_jpeg_of_grey_in_colour_is_that_of_grey() -> None:
    grey = smooth_faces()
    colour = apply(parse_defence("jpeg75"), np.repeat(grey, 3, axis=3))
    expected = np.repeat(apply(parse_defence("jpeg75"), grey), 3, axis=3)
    np.testing.assert_allclose(colour, expected, atol=1.1 / 255)


def test_ten_views_are_shifted_and_mirrored_copies() -> None:
    images = np.random.default_rng(0).random((2, 24, 48, 3), np.float32)
    views = [np.asarray(view) for view in parse_defence("views10").views(images, "attack")]
    padded = np.pad(images, [(0, 0), (1, 1), (2, 2), (0, 0)], mode="edge")
    corners = [(1, 2), (2, 4), (2, 0), (0, 4), (0, 0)]
    expected = [padded[:, top : top + 24, left : left + 48] for top, left in corners]
    for plain, mirrored, copy in zip(views[::2], views[1::2], expected, strict=True):
        np.testing.assert_array_equal(plain, copy)
        np.testing.assert_array_equal(mirrored, copy[:, :, ::-1])
    two = [np.asarray(view) for view in parse_defence("views2").views(images, "attack")]
    np.testing.assert_array_equal(two, [images, images[:, :, ::-1]])


def test_views_answer_with_their_mean_probability() -> None:
    images, inner = smooth_faces()[:, :8, :8], tiny_classifier()
    classifier = defend(inner, parse_defence("views2"), "views2")
    mean = (softmax(inner.logits(images), 1) + softmax(inner.logits(images[:, :, ::-1]), 1)) / 2
    np.testing.assert_allclose(np.exp(classifier.logits(images)), mean, atol=1e-6)
    assert isinstance(classifier, DifferentiableClassifier)
    np.testing.assert_allclose(
        classifier.attacked_logits(images), classifier.logits(images), atol=1e-5
    )


@pytest.mark.parametrize("name", ["blur0.8", "tv0.05"])
def test_smoothing_keeps_flat_images_and_calms_others(name: str) -> None:
    flat = np.full((1, 9, 9, 3), 0.4, np.float32)
    np.testing.assert_allclose(apply(parse_defence(name), flat), flat, atol=1e-5)
    noisy = np.random.default_rng(0).random((1, 9, 9, 3), np.float32)
    calm = apply(parse_defence(name), noisy)
    assert np.abs(np.diff(calm, axis=1)).sum() < 0.8 * np.abs(np.diff(noisy, axis=1)).sum()
    np.testing.assert_allclose(calm.mean(), noisy.mean(), atol=0.02)


def test_blur_is_opencvs() -> None:
    images = smooth_faces()
    expected = cv2.GaussianBlur(images[0, ..., 0], (5, 5), 0.8, borderType=cv2.BORDER_REFLECT)
    found = apply(parse_defence("blur0.8"), images)[0, ..., 0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_total_variation_is_scikit_images() -> None:
    restoration = pytest.importorskip("skimage.restoration")
    image = smooth_faces()[:1]
    expected = restoration.denoise_tv_chambolle(
        image[0, ..., 0], weight=0.05, eps=0, max_num_iter=21
    )
    np.testing.assert_allclose(
        apply(parse_defence("tv0.05"), image)[0, ..., 0], expected, atol=1e-4
    )


def test_ids_load_and_resolve(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(write_untrained(tmp_path))
    images = np.random.default_rng(0).random((2, 48, 48, 1), np.float32)
    classifier = zoo.load(f"{folder}+bits2+blur0.8")
    assert classifier.id == "mini_xception.fer+bits2+blur0.8"
    first = apply(parse_defence("bits2"), images)
    seen = np.clip(apply(parse_defence("blur0.8"), first), 0, 1)
    np.testing.assert_allclose(classifier.logits(images), zoo.load(folder).logits(seen), atol=1e-4)
    assert zoo.card_of(f"{folder}+bits2")[0].id == "mini_xception.fer"
    monkeypatch.setattr(zoo, "model_ids", lambda: ["a.fer", "a.ferplus"])
    assert zoo.resolve("a+jpeg50,a.fer") == ["a.fer+jpeg50", "a.ferplus+jpeg50", "a.fer"]


@pytest.mark.parametrize("text", ["jpeg", "jpeg0", "jpeg101", "jpeg7.5", "bits9", "smooth2"])
def test_impossible_strengths_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"takes a strength of .* to .*got"):
        parse_defence(text)


def test_other_numbers_of_views_are_refused() -> None:
    with pytest.raises(InputError, match=r"views takes 2 \(mirrored\) or 10 .* got 5"):
        parse_defence("views5")


@pytest.mark.parametrize("text", ["", "magic3", "75jpeg", "jpeg75x"])
def test_unknown_defences_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="a defence must be one of jpeg, bits"):
        parse_defence(text)
