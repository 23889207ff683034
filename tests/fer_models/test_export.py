"""Exported models need no Deadpan and answer the same logits."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from fer_models import export as exporting
from fer_models.export import Format, main
from fer_models.keras_classifier import KerasClassifier
from fer_models.zoo import load
from tests.fer_models.untrained import write_untrained

IMAGES = np.random.default_rng(0).random((1, 48, 48, 1), np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_untrained(tmp_path_factory.mktemp("untrained"))


def export(model: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "fer_models.export", str(model), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, cwd=Path(__file__).parents[2])


def answer(path: Path) -> np.ndarray:
    """Logits of the exported model on `IMAGES`."""
    if path.suffix == ".keras":
        return np.asarray(keras.models.load_model(path)(IMAGES))
    if path.suffix == ".json":
        model = keras.models.model_from_json(path.read_text())
        model.load_weights(path.with_suffix(".weights.h5"))
        return np.asarray(model(IMAGES))
    if path.suffix == ".onnx":
        onnx_reference = importlib.import_module("onnx.reference")
        session = onnx_reference.ReferenceEvaluator(str(path))
        return session.run(None, {session.input_names[0]: IMAGES})[0]
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], IMAGES)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("format", ["keras", "json", "tflite", "onnx"])
def test_every_format_gives_equal_logits(
    model: Path, format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if format == "onnx" and not importlib.util.find_spec("tf2onnx"):
        pytest.skip("deadpan[onnx] is not installed")
    path = tmp_path / f"net.{format}"
    main(str(model), Format(format), path)
    assert "angry, disgust" in capsys.readouterr().out
    np.testing.assert_allclose(answer(path), load(str(model)).logits(IMAGES), atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "keras", "--out", "x.onnx"], "must end in .keras"),
        (["--out", "/nowhere/x.keras"], "existing folder"),
        (["--format", "pickle"], "pickle"),
    ],
)
def test_bad_input_is_one_line(model: Path, arguments: list[str], words: str) -> None:
    result = export(model, *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def changed(model: Path, by: float) -> KerasClassifier:
    """The net with something added to its last bias."""
    net = load(str(model))
    assert isinstance(net, KerasClassifier)
    net.model.trainable_variables[-1].assign_add(np.full(7, by, np.float32))
    return net


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content, r"net\.tflite: logits .* differ by up to 0\.01, so it was not"),
        (lambda _: b"no model", r"net\.tflite: the converted model must be readable"),
    ],
)
def test_a_bad_conversion_leaves_an_older_file_as_it_was(
    damage: Callable[[bytes], bytes],
    words: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "net.tflite"
    main(str(model), Format.TFLITE, path)
    before = path.read_bytes()
    monkeypatch.setattr(exporting, "load", lambda _: changed(model, 0.01))
    monkeypatch.setattr(exporting, "_write", lambda to, *_: to.write_bytes(damage(before)))
    with pytest.raises(InputError, match=words):
        main(str(model), Format.TFLITE, path)
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("format", Format)
def test_a_net_of_nan_is_not_exported(
    format: Format, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "load", lambda _: changed(model, np.nan))
    monkeypatch.setattr(exporting, "find_spec", lambda _: True)
    with pytest.raises(InputError, match="answered NaN or infinity"):
        main(str(model), format, tmp_path / f"net.{format}")
    assert not [*tmp_path.iterdir()]


def test_the_folder_one_is_in_gives_the_file_its_name(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model)
    main(".")
    path = model / f"{model.name}.keras"
    assert path.exists()
    path.unlink()


def test_defences_are_not_exported(tmp_path: Path) -> None:
    words = r"defences are not exported; got tiny\.fer\+bits3\. Export the net, tiny\.fer\."
    with pytest.raises(InputError, match=words):
        main("tiny.fer+bits3", Format.KERAS, tmp_path / "net.keras")
