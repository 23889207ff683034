"""Defences: what they do to pixels, their gradients, their draws, their names."""

import cv2
import numpy as np
import pytest
from keras import ops
from scipy.special import softmax

from datasets.base.errors import InputError
from fer_models import zoo
from fer_models.classifier import Classifier, DifferentiableClassifier, Pullback
from fer_models.defences.base import (
    ATTACKING,
    JUDGING,
    Defence,
    DifferentiableDefendedClassifier,
    defend,
)
from fer_models.defences.registry import DEFENCES, defended, parse_defence, parse_defences
from fer_models.defences.resize_pad import ResizePad, _table
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


@pytest.mark.parametrize("inner", ["net+v2", "tiny+bits3"])
def test_an_id_keeps_its_own_plus_sign(inner: str) -> None:
    """As of a file `net+v2.keras`, or of a model that has a defence already."""
    classifier = tiny_classifier()
    classifier.id = inner
    assert defended(classifier, parse_defences(["bits5", "jpeg75"])).id == f"{inner}+bits5+jpeg75"


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


def attacked(name: str, images: np.ndarray, number: int) -> np.ndarray:
    """Views that an attacker draws, float32 (draws, N, H, W, C)."""
    given = ops.convert_to_tensor(images), ATTACKING, ops.convert_to_tensor(number, "int32")
    return np.stack([np.asarray(view) for view in parse_defence(name).attacked_views(*given)])


@pytest.mark.parametrize("name", [name for name in NAMES if parse_defence(name).random])
def test_an_attacker_draws_anew_for_each_number(name: str) -> None:
    images = smooth_faces()
    first, second = attacked(name, images, 0), attacked(name, images, 1)
    assert first.shape == (len(ATTACKING), *images.shape)
    np.testing.assert_array_equal(first, attacked(name, images, 0))
    judging = np.stack([np.asarray(v) for v in parse_defence(name).views(images, JUDGING)])
    for one, other in ((first, second), (first, judging), (second, judging)):
        same = np.abs(one - other).max(axis=(1, 2, 3, 4)) < 1e-6
        assert same.mean() < 0.5  # there are few ways to shrink 20 pixels by up to 2


def test_noise_of_other_draws_and_numbers_is_independent() -> None:
    images = np.full((1, 20, 20, 1), 0.5, np.float32)
    noise = np.concatenate([attacked("smooth0.1", images, number) for number in range(5)]) - 0.5
    assert noise.std() == pytest.approx(0.1, rel=0.02)
    together = np.corrcoef(noise.reshape(100, 400)) - np.eye(100)
    assert together.std() == pytest.approx(1 / np.sqrt(400), rel=0.1)  # as of independent ones
    assert np.abs(together).max() < 0.3


@pytest.mark.parametrize(("height", "width"), [(20, 20), (24, 17)])
def test_an_attacker_shrinks_and_pads_as_the_defence_does(height: int, width: int) -> None:
    images = np.random.default_rng(0).random((2, height, width, 3), np.float32)
    defence = parse_defence("resize_pad24")
    assert isinstance(defence, ResizePad)
    for number in (0, 3):
        found = attacked("resize_pad24", images, number)
        for view, drawn in zip(found, _table(defence, height, width, ATTACKING)[number]):
            rows, columns, top, left = map(int, drawn)
            small = ops.image.resize(images, (rows, columns), interpolation="bilinear")
            expected = np.zeros_like(images)
            expected[:, top : top + rows, left : left + columns] = np.asarray(small)
            np.testing.assert_allclose(view, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["smooth0.1", "resize_pad6"])
def test_gradients_of_each_number_are_those_of_its_draws(name: str) -> None:
    """Compiled, or chained in parts around another framework: the same draws."""
    images, labels, inner = smooth_faces()[:, :8, :8], np.arange(3), tiny_classifier()
    compiled = defend(inner, parse_defence(name), name)
    chained = DifferentiableDefendedClassifier(inner, parse_defence(name), name)
    nested = defend(compiled, parse_defence("bits6"), "bits6")
    assert isinstance(compiled, DifferentiableClassifier)
    assert isinstance(nested, DifferentiableClassifier)
    found = []
    for classifier in (compiled, chained, nested):
        gradients = []
        for number in (0, 2, 2):
            with classifier.drawn(1), classifier.drawn(number):
                gradients.append(classifier.input_gradients(images, labels, Loss.MARGIN).gradient)
        gradients.append(classifier.input_gradients(images, labels, Loss.MARGIN).gradient)
        first, second, again, outside = gradients
        np.testing.assert_array_equal(second, again)
        np.testing.assert_array_equal(first, outside)
        assert np.abs(first - second).max() > 0.002 * np.abs(first).max()
        found.append(second)
    np.testing.assert_allclose(found[1], found[0], atol=1e-4 * np.abs(found[0]).max())


def test_the_views_of_a_net_of_another_framework_are_seen_in_parts() -> None:
    inner, sizes = tiny_classifier(), list[int]()
    name = "smooth0.1"

    class Counting(DifferentiableDefendedClassifier):
        def pullback(self, images: np.ndarray) -> Pullback:
            sizes.append(len(images))
            return super().pullback(images)

    images = np.random.default_rng(0).random((100, 8, 8, 1), np.float32)
    classifier = Counting(inner, parse_defence(name), name)
    found = classifier.input_gradients(images, np.zeros(100, np.int64), Loss.MARGIN)
    assert sizes == [64, 36] and len(found.gradient) == 100
    twice = DifferentiableDefendedClassifier(classifier, parse_defence(name), name)
    assert twice.images_per_call == 2  # of which the defence inside makes 40


def test_a_classifier_with_more_draws_judges_as_before() -> None:
    images, labels, inner = smooth_faces()[:, :8, :8], np.arange(3), tiny_classifier()
    assert inner.with_draws(2) is inner
    plain = defend(inner, parse_defence("jpeg75"), "jpeg75")
    assert plain.with_draws(2) is plain
    classifier = defend(inner, parse_defence("smooth0.3"), "smooth0.3")
    behind = defend(classifier, parse_defence("bits6"), "bits6")
    assert isinstance(classifier, DifferentiableClassifier)
    for each in (classifier, behind):
        assert each.exact is each
        more = each.with_draws(2)
        assert type(more) is type(each) and more.exact is more and more.id == each.id
        assert more.weights_sha256 != each.weights_sha256
        np.testing.assert_array_equal(more.logits(images), each.logits(images))
    seen = [
        each.input_gradients(images, labels, Loss.MARGIN).gradient
        for each in (classifier, classifier.with_draws(2), classifier.with_draws(20))
    ]
    far, near = (np.abs(one - seen[2]).mean() for one in seen[:2])
    assert 0.4 * far < near < 0.95 * far  # as 1 / sqrt(draws)


def test_ten_views_are_shifted_and_mirrored_copies() -> None:
    images = np.random.default_rng(0).random((2, 24, 48, 3), np.float32)
    views = [np.asarray(view) for view in parse_defence("views10").views(images, ATTACKING)]
    padded = np.pad(images, [(0, 0), (1, 1), (2, 2), (0, 0)], mode="edge")
    corners = [(1, 2), (2, 4), (2, 0), (0, 4), (0, 0)]
    expected = [padded[:, top : top + 24, left : left + 48] for top, left in corners]
    for plain, mirrored, copy in zip(views[::2], views[1::2], expected, strict=True):
        np.testing.assert_array_equal(plain, copy)
        np.testing.assert_array_equal(mirrored, copy[:, :, ::-1])
    two = [np.asarray(view) for view in parse_defence("views2").views(images, ATTACKING)]
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
