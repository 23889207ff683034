"""Opening foreign models: exported formats, missing and damaged files, several inputs."""

from pathlib import Path
from zipfile import ZipFile

import keras
import numpy as np
import pytest

from attacks.base import Keys
from attacks.registry import make_attack
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from evaluation.checks.model import model_checks
from fer_models import zoo
from fer_models.contract import Output
from fer_models.foreign.classifier import classify_with, load_foreign
from fer_models.foreign.contract_file import read_contract
from fer_models.foreign.formats import OPENERS, open_model
from fer_models.foreign.names import FILES, PICKLES, TORCH_FILES, is_foreign
from fer_models.foreign.size_and_classes import scheme_of
from fer_models.keras_classifier import KerasClassifier
from fer_models.losses import Loss
from tests.fer_models.conftest import tiny_model
from tests.fer_models.foreign.small_nets import CONTRACT, softmax_model


@pytest.mark.parametrize("kind", ["tf_saved_model", "litert", "onnx"])
def test_exported_formats_answer_alike(kind: str, tmp_path: Path, images: np.ndarray) -> None:
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("tf2onnx")
    model = softmax_model()
    model(images)  # Keras exports only what was called
    path = tmp_path / {"tf_saved_model": "net", "litert": "net.tflite", "onnx": "net.onnx"}[kind]
    model.export(path, format=kind, verbose=False)
    assert is_foreign(str(path))
    classifier = classify_with(open_model(str(path)), CONTRACT)
    assert isinstance(classifier, KerasClassifier) == (kind == "tf_saved_model")
    keras_file = tmp_path / "net.keras"
    model.save(keras_file)
    whole = classify_with(open_model(str(keras_file)), CONTRACT).logits(images)
    found = classifier.logits(images)
    logs, expected = (z - np.log(np.exp(z).sum(axis=1, keepdims=True)) for z in (found, whole))
    np.testing.assert_allclose(logs, expected, atol=1e-3)


@pytest.mark.parametrize("endpoints", ["keras", "tensorflow"])
def test_a_saved_model_has_the_gradients_of_its_net(
    endpoints: str, tmp_path: Path, images: np.ndarray
) -> None:
    model = softmax_model()
    if endpoints == "keras":
        model.export(tmp_path / "net", verbose=False)
    else:
        import tensorflow as tf

        tf.saved_model.save(model, str(tmp_path / "net"))
    model.save(tmp_path / "net.keras")
    labels = np.arange(len(images)) % 7
    folder, file = (
        classify_with(open_model(str(tmp_path / name)), CONTRACT) for name in ("net", "net.keras")
    )
    assert isinstance(folder, KerasClassifier) and isinstance(file, KerasClassifier)
    for loss in Loss:
        expected = file.input_gradients(images, labels, loss)
        found = folder.input_gradients(images, labels, loss)
        np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-3, atol=1e-5)


def scaled_model(scale: float) -> keras.Model:
    """The tiny net, its logits times a number, and a softmax."""
    net = tiny_model()
    logits = keras.layers.Rescaling(scale)(net.output)
    model = keras.Model(net.input, keras.layers.Softmax()(logits))
    model(np.zeros((1, 8, 8, 1), np.float32))  # Keras exports only what was called
    return model


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_the_faces_that_break_on_a_saved_model_are_those_of_its_logits(
    scale: float, tmp_path: Path
) -> None:
    """Its softmax stays inside, so attacks see logarithms of probabilities."""
    model, images = scaled_model(scale), np.random.default_rng(1).random((48, 8, 8, 1), np.float32)
    model.export(tmp_path / "net", verbose=False)
    model.save(tmp_path / "net.keras")
    pair = [
        classify_with(open_model(str(tmp_path / name)), CONTRACT) for name in ("net", "net.keras")
    ]
    labels, keys = pair[1].predict(images), Keys(0, np.arange(48))
    found, expected = (model_checks(each, images, each.logits(images), labels) for each in pair)
    assert [(c["rule"], c["status"]) for c in found] == [(c["rule"], c["status"]) for c in expected]
    assert all(c["status"] == "ok" for c in found if c["rule"] in ("R10", "R11"))
    for name, settings in (("pgd", {"steps": 8}), ("apgd", {"steps": 8}), ("apgd_t", {"steps": 5})):
        attack = make_attack(name, Norm.LINF, 0.05, settings)
        broken = [attack(each, images, labels, keys).success for each in pair]
        np.testing.assert_array_equal(broken[0], broken[1])
        assert 0.1 < broken[0].mean() < 1


def test_where_its_probabilities_have_no_gradient_a_saved_model_is_flagged(tmp_path: Path) -> None:
    model, images = scaled_model(500.0), np.random.default_rng(1).random((48, 8, 8, 1), np.float32)
    model.export(tmp_path / "net", verbose=False)
    classifier = classify_with(open_model(str(tmp_path / "net")), CONTRACT)
    logits = classifier.logits(images)
    checks = model_checks(classifier, images, logits, logits.argmax(axis=1))
    assert [c["status"] for c in checks if c["rule"] == "R10"] == ["flagged"]


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_sequential_net_answers_as_the_same_functional_one(
    ending: str, tmp_path: Path, images: np.ndarray
) -> None:
    functional = softmax_model()
    sequential = keras.Sequential([keras.Input((8, 8, 1)), *functional.layers[1:]])
    paths = [tmp_path / f"{name}.{ending}" for name in ("sequential", "functional")]
    for net, path in zip((sequential, functional), paths):
        net.save(path)
    found, wanted = (classify_with(open_model(str(path)), CONTRACT) for path in paths)
    assert isinstance(found, KerasClassifier)
    np.testing.assert_array_equal(found.logits(images), wanted.logits(images))


def test_missing_files_are_refused(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_contract(tmp_path / "none.json")
    for load in (open_model, load_foreign, zoo.describe):
        with pytest.raises(InputError, match="found no such file"):
            load(str(tmp_path / "none.keras"))
    saved.with_name("net.keras.contract.json").unlink()
    for load in (load_foreign, zoo.describe):
        with pytest.raises(InputError, match="no contract says"):
            load(str(saved))
    for name, why in (("cut.tflite", ""), ("cut.keras", "it is not a zip archive")):
        (tmp_path / name).write_bytes(b"abc")
        with pytest.raises(InputError, match=rf"{name}: cannot be opened: .*{why}.*\. Export it"):
            open_model(str(tmp_path / name))
    with ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(InputError, match="it is a zip archive without a Keras model"):
        open_model(str(tmp_path / "other.keras"))
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(InputError, match=r"it is a folder; \.h5 models are files"):
        open_model(str(tmp_path / "folder.h5"))
    with pytest.raises(InputError, match="expected module:callable"):
        open_model("no_such_module:thing")


def test_keras_weights_alone_are_refused_with_what_opens_them(tmp_path: Path) -> None:
    path = tmp_path / "net.weights.h5"
    tiny_model().save_weights(path)
    with pytest.raises(InputError, match=rf"it holds weights alone\. .* module:factory@{path}\."):
        open_model(str(path))


def test_other_inputs_than_one_image_are_refused(tmp_path: Path) -> None:
    one, two = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(keras.layers.Add()([one, two]))
    model = keras.Model([one, two], keras.layers.Dense(7)(flat))
    model.save(tmp_path / "two.keras")
    model([np.zeros((1, 8, 8, 1), np.float32)] * 2)
    model.export(tmp_path / "two.tflite", format="litert", verbose=False)
    for name in ("two.keras", "two.tflite"):
        with pytest.raises(InputError, match="it takes 2 inputs, not one"):
            open_model(str(tmp_path / name))
    model = tiny_model()
    both = keras.Model(model.input, [keras.layers.Softmax()(model.output), model.output])
    both(np.zeros((1, 8, 8, 1), np.float32))
    both.save(tmp_path / "heads.keras")
    both.export(tmp_path / "heads.tflite", format="litert", verbose=False)
    both.export(tmp_path / "heads", format="tf_saved_model", verbose=False)
    for name in ("heads.keras", "heads.tflite", "heads"):
        with pytest.raises(InputError, match=r"it has 2 outputs, .*must name the emotions: write"):
            classify_with(open_model(str(tmp_path / name)), CONTRACT)
    four = keras.Input((8, 8, 4))
    keras.Model(four, keras.layers.Dense(7)(keras.layers.Flatten()(four))).save(
        tmp_path / "four.keras"
    )
    with pytest.raises(
        InputError,
        match=r"its file says \(8, 8, 4\)\. Export it for grey or RGB images, channels last",
    ):
        scheme_of(open_model(str(tmp_path / "four.keras")))


def test_the_endpoint_of_one_input_is_taken(tmp_path: Path, images: np.ndarray) -> None:
    """`serve` takes a mask too; the size stands in the signature of `serving_default`."""
    tf = pytest.importorskip("tensorflow")
    module, model = tf.Module(), tiny_model()
    module.net = model
    batch = tf.TensorSpec((None, 8, 8, 1), tf.float32)
    mask = tf.TensorSpec((), tf.float32)
    module.serve = tf.function(lambda x, m: model(x) * m, input_signature=[batch, mask])
    works = tf.function(lambda x: {"logits": model(x)}, input_signature=[batch])
    tf.saved_model.save(module, str(tmp_path / "good"), signatures={"serving_default": works})
    raw = open_model(str(tmp_path / "good"))
    assert raw.shape == (8, 8, 1)
    file = CONTRACT.model_copy(update={"output": Output.LOGITS, "low": 0.0})
    logits = classify_with(raw, file).logits(images)
    expected = np.asarray(model(images))[:, [0, 1, 2, 3, 5, 6, 4]]
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    tf.saved_model.save(module, str(tmp_path / "two"), signatures={"other": works})
    with pytest.raises(InputError, match="endpoint serve or serving_default of one input; serve t"):
        open_model(str(tmp_path / "two"))


def test_a_saved_model_of_whole_numbers_says_so(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    module, model = tf.Module(), tiny_model()
    module.net = model
    batch = tf.TensorSpec((None, 8, 8, 1), tf.uint8)
    serve = tf.function(lambda x: model(tf.cast(x, tf.float32)), input_signature=[batch])
    tf.saved_model.save(module, str(tmp_path / "net"), signatures={"serving_default": serve})
    with pytest.raises(InputError, match="its input holds uint8, not float32: export it so that"):
        open_model(str(tmp_path / "net"))


def free_size() -> keras.Model:
    """The tiny net behind a resizing to its size."""
    images = keras.Input((None, None, 1))
    return keras.Model(images, tiny_model()(keras.layers.Resizing(8, 8)(images)))


def test_tflite_of_free_size_takes_that_of_its_contract(tmp_path: Path, images: np.ndarray) -> None:
    tf = pytest.importorskip("tensorflow")
    free, path = free_size(), tmp_path / "net.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(free).convert())
    raw = open_model(str(path))
    assert raw.shape is None
    np.testing.assert_allclose(raw.call(images), np.asarray(free(images)), atol=1e-5)
    larger = images.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(raw.call(larger), np.asarray(free(larger)), atol=1e-4)


def test_tflite_without_its_weights_is_refused(tmp_path: Path, images: np.ndarray) -> None:
    """So converted, it answers from memory that nothing set: NaN, or any number."""
    tf = pytest.importorskip("tensorflow")
    free, entry = free_size(), tf.TensorSpec((1, None, None, 1), tf.float32)
    one = tf.function(lambda x: free(x, training=False), input_signature=[entry])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([one.get_concrete_function()], free)
    (tmp_path / "net.tflite").write_bytes(converter.convert())
    with pytest.raises(InputError, match="variables that nothing sets, so its weights are missing"):
        classify_with(open_model(str(tmp_path / "net.tflite")), CONTRACT)


@pytest.mark.parametrize("sides", [(64,), (8, 8)])
def test_keras_nets_of_flat_images_get_them_so(
    sides: tuple[int, ...], tmp_path: Path, images: np.ndarray
) -> None:
    flat = keras.Input(sides)
    model = keras.Model(flat, keras.layers.Dense(7)(keras.layers.Flatten()(flat)))
    model.save(tmp_path / "flat.keras")
    raw = open_model(str(tmp_path / "flat.keras"))
    assert raw.shape == (8, 8, 1)
    expected = np.asarray(model(images.reshape(-1, *sides)))
    np.testing.assert_allclose(raw.call(images), expected, atol=1e-5)


def test_endings_in_capital_letters_and_commas_in_paths(saved: Path, images: np.ndarray) -> None:
    there = saved.with_name("a, b") / "net.KERAS"
    there.parent.mkdir()
    saved.with_name("net.keras.contract.json").rename(f"{there}.contract.json")
    saved.rename(there)
    both = f"mini_xception.fer,{there}+bits2, simple_cnn.fer"
    names = ["mini_xception.fer", f"{there}+bits2", "simple_cnn.fer"]
    assert zoo.resolve(both) == names
    classifier = zoo.load(str(there))
    assert (classifier.id, classifier.logits(images).shape) == ("net", (12, 7))


def test_every_ending_has_an_opener() -> None:
    assert set(OPENERS) == {*FILES, *TORCH_FILES, *PICKLES}
