"""ONNX files: translated to PyTorch where both agree on faces, else a black box with the reason."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from datasets.base.errors import InputError
from datasets.labels import FER7
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.contract import Output
from fer_models.foreign.classifier import BlackBoxClassifier, classify_with
from fer_models.foreign.contract_file import NOTHING_KNOWN, ContractFile
from fer_models.foreign.formats import open_model
from fer_models.foreign.size_and_classes import with_size
from fer_models.losses import Loss
from tests.fer_models.pytorch.onnx.graphs import model_of

CLASSES = FER7.classes
LABELS = np.arange(12) % 7
Nodes = list[onnx.NodeProto]


def node(kind: str, *names: str, **attributes: Any) -> onnx.NodeProto:
    """The last of the names is the output."""
    return helper.make_node(kind, names[:-1], names[-1:], **attributes)


def weights(*shape: int, name: str, scale: float = 0.3) -> onnx.TensorProto:
    values = np.random.default_rng(len(name)).normal(0, scale, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def channels_last(batch: int | str = "N", classes: int = 7, **ends: Nodes) -> onnx.ModelProto:
    """A small net of (batch, 8, 8, 1) as tf2onnx writes it, then the nodes of `end` from `z` on."""
    flat = numpy_helper.from_array(np.array([-1, 6 * 6 * 4], np.int64), "flat")
    nodes = [
        node("Transpose", "x", "first", perm=[0, 3, 1, 2]),
        node("Conv", "first", "kernel", "convolved"),
        node("Tanh", "convolved", "h"),
        node("Reshape", "h", "flat", "row"),
        node("MatMul", "row", "dense", "z"),
        *ends.get("end", [node("Identity", "z", "y")]),
    ]
    stored = [weights(4, 1, 3, 3, name="kernel"), weights(144, classes, name="dense"), flat]
    return model_of(nodes, (batch, 8, 8, 1), stored)


def saved(model: onnx.ModelProto, folder: Path) -> str:
    onnx.save(model, folder / "net.onnx")
    return str(folder / "net.onnx")


def classifier_of(
    model: onnx.ModelProto, folder: Path, faces: np.ndarray | None = None, /, **contract: Any
) -> Classifier:
    fields = {"classes": CLASSES, "height": 8, "width": 8, "channels": 1, **contract}
    return classify_with(open_model(saved(model, folder)), ContractFile(**fields), faces)


def black_box_of(model: onnx.ModelProto, folder: Path, **contract: Any) -> Classifier:
    """As ONNX Runtime answers."""
    fields = {"classes": CLASSES, "height": 8, "width": 8, "channels": 1, **contract}
    return BlackBoxClassifier(open_model(saved(model, folder)), ContractFile(**fields))


def require_white_box(classifier: Classifier, images: np.ndarray) -> DifferentiableClassifier:
    """Gradients by differences, in the direction of the gradient."""
    assert isinstance(classifier, DifferentiableClassifier) and not classifier.no_gradients
    loss = Loss.CROSS_ENTROPY
    found = classifier.input_gradients(images, LABELS, loss)
    way = found.gradient / np.abs(found.gradient).max(axis=(1, 2, 3), keepdims=True) / 200
    ends = [classifier.input_gradients(images + sign * way, LABELS, loss).loss for sign in (1, -1)]
    expected = 2 * (found.gradient * way).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(ends[0] - ends[1], expected, rtol=1e-2, atol=1e-4)
    return classifier


@pytest.fixture
def inner_images() -> np.ndarray:
    """float32 (12, 8, 8, 1) in [0.1, 0.9]."""
    return np.random.default_rng(0).uniform(0.1, 0.9, (12, 8, 8, 1)).astype(np.float32)


def test_a_graph_with_channels_last_has_gradients(tmp_path: Path, inner_images: np.ndarray) -> None:
    model = channels_last()
    net = require_white_box(classifier_of(model, tmp_path, low=-1), inner_images)
    expected = black_box_of(model, tmp_path, low=-1)
    np.testing.assert_allclose(
        net.logits(inner_images), expected.logits(inner_images), rtol=1e-5, atol=1e-5
    )
    assert net.id == expected.id and net.weights_sha256 == expected.weights_sha256


@pytest.mark.parametrize(
    ("sides", "number", "white"),
    [
        ((64,), TensorProto.FLOAT, 1.0),
        ((8, 8), TensorProto.FLOAT, 1.0),
        ((8, 8, 1), TensorProto.DOUBLE, 1.0),
        ((1, 8, 8), TensorProto.UINT8, 255.0),
    ],
)
def test_other_axes_and_number_formats_have_gradients(
    sides: tuple[int, ...], number: int, white: float, tmp_path: Path, inner_images: np.ndarray
) -> None:
    model = channels_last()
    entry = helper.make_tensor_value_info("x", number, ("N", *sides))
    model.graph.input[0].CopyFrom(entry)
    model.graph.node[0].CopyFrom(node("Cast", "x", "floats", to=TensorProto.FLOAT))
    model.graph.node.insert(1, node("Mul", "floats", "scale", "scaled"))
    model.graph.node.insert(2, node("Reshape", "scaled", "square", "first"))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(1 / white), "scale"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1, 1, 8, 8]), "square"))
    net = classifier_of(model, tmp_path, high=white)
    expected = black_box_of(model, tmp_path, high=white).logits(inner_images)
    np.testing.assert_allclose(net.logits(inner_images), expected, rtol=1e-5, atol=1e-5)
    if number == TensorProto.UINT8:  # differences would be those of rounded pixels
        assert isinstance(net, DifferentiableClassifier)
        plain = channels_last()
        inner_images = np.round(inner_images * 255) / np.float32(255)
        same = require_white_box(classifier_of(plain, tmp_path), inner_images)
        found, wanted = (
            each.input_gradients(inner_images, LABELS, Loss.CROSS_ENTROPY) for each in (net, same)
        )
        np.testing.assert_allclose(found.gradient, wanted.gradient, rtol=1e-3, atol=1e-5)
    else:
        require_white_box(net, inner_images)


def test_class_order_and_columns_of_the_contract_are_kept(
    tmp_path: Path, inner_images: np.ndarray
) -> None:
    contract = {"classes": CLASSES[::-1], "columns": (8, 0, 1, 5, 4, 3, 2)}
    net = require_white_box(
        classifier_of(channels_last(classes=9), tmp_path, **contract), inner_images
    )
    every = open_model(saved(channels_last(classes=9), tmp_path)).call(inner_images)
    np.testing.assert_allclose(
        net.logits(inner_images), every[:, [2, 3, 4, 5, 1, 0, 8]], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    "end",
    [
        [node("Softmax", "z", "y", axis=1)],
        [node("Softmax", "z", "p", axis=-1), node("Identity", "p", "y")],
        [node("Softmax", "z", "p"), node("Flatten", "p", "y")],
    ],
)
def test_a_last_softmax_is_left_out_so_that_sure_answers_keep_gradients(
    end: Nodes, tmp_path: Path, inner_images: np.ndarray
) -> None:
    sure = [node("Mul", "z", "factor", "bigger"), *end]
    sure[1].input[0] = "bigger"
    model = channels_last(end=sure)
    model.graph.initializer.append(numpy_helper.from_array(np.float32(400), "factor"))
    contract = {"output": Output.PROBABILITIES}
    net = classifier_of(model, tmp_path, **contract)
    assert isinstance(net, DifferentiableClassifier)
    logits = net.logits(inner_images)
    assert (logits.max(axis=1) - logits.min(axis=1) > 100).all()
    found = net.input_gradients(inner_images, logits.argmax(axis=1), Loss.MARGIN)
    assert (np.abs(found.gradient).max(axis=(1, 2, 3)) > 1).all()
    expected = black_box_of(model, tmp_path, **contract)
    np.testing.assert_array_equal(expected.predict(inner_images), net.predict(inner_images))


def test_a_last_softmax_is_left_out_whatever_the_contract_says(
    tmp_path: Path, inner_images: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a Keras file; where it cannot be left out, the contract is what has to change."""
    model = channels_last(end=[node("Softmax", "z", "y", axis=1)])
    net = require_white_box(classifier_of(model, tmp_path), inner_images)
    expected = classifier_of(model, tmp_path, output=Output.PROBABILITIES)
    np.testing.assert_array_equal(net.logits(inner_images), expected.logits(inner_images))
    assert not capsys.readouterr().err
    model = channels_last(end=[node("Round", "z", "r"), node("Softmax", "r", "y", axis=1)])
    assert classifier_of(model, tmp_path).no_gradients == "Round of opset 13 is not known"
    assert "its contract says logits, but the outputs for two images" in capsys.readouterr().err


def test_a_face_without_a_finite_answer_says_nothing_of_a_translation(
    tmp_path: Path, inner_images: np.ndarray
) -> None:
    """The answer to black is 0 / 0; whoever classifies such a face is told so."""
    ends = [
        node("ReduceMax", "x", "top", axes=[1, 2], keepdims=0),
        node("Div", "top", "top", "one"),
    ]
    model = channels_last(end=[*ends, node("Mul", "z", "one", "y")])
    faces = (255 * inner_images).astype(np.uint8)
    faces[3] = 0
    require_white_box(classifier_of(model, tmp_path, faces), inner_images)


def test_a_softmax_that_is_not_over_the_classes_stays(
    tmp_path: Path, inner_images: np.ndarray
) -> None:
    model = channels_last(end=[node("Softmax", "z", "y", axis=0)])
    net = classifier_of(model, tmp_path)
    expected = black_box_of(model, tmp_path)
    np.testing.assert_allclose(net.logits(inner_images), expected.logits(inner_images), atol=1e-5)


def test_a_graph_of_one_image_whose_nodes_take_a_batch_has_gradients(
    tmp_path: Path, inner_images: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    model = channels_last(batch=1)
    net = require_white_box(classifier_of(model, tmp_path), inner_images)
    (line,) = capsys.readouterr().err.splitlines()
    assert "its file takes one image; its translation takes any number" in line
    expected = black_box_of(model, tmp_path).logits(inner_images)  # image by image
    np.testing.assert_allclose(net.logits(inner_images), expected, rtol=1e-5, atol=1e-5)


def whole(shape: list[int]) -> onnx.ModelProto:
    """A graph of one image that reshapes its last values to a shape."""
    model = channels_last(batch=1, end=[node("Reshape", "z", "whole", "y")])
    model.graph.initializer.append(numpy_helper.from_array(np.array(shape), "whole"))
    return model


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (whole([1, 7]), "its translation to PyTorch fails: RuntimeError: shape '[1, 7]' is inv"),
        (whole([1, -1]), "its translation to PyTorch returns (1, 7) for 64 faces"),
        (
            channels_last(1, end=[node("Softmax", "z", "y", axis=0)]),
            "its translation to PyTorch differs from ONNX Runtime by up to 1 on 64 faces",
        ),
        (channels_last(1, end=[node("Round", "z", "y")]), "Round of opset 13 is not known"),
    ],
)
def test_a_graph_of_one_image_that_takes_no_batch_is_refused(
    model: onnx.ModelProto, why: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        classifier_of(model, tmp_path)
    said = str(error.value)
    assert "net.onnx: must take any number of images; it takes exactly 1, and a trans" in said
    assert why in said
    export = 'Export it by torch.onnx.export(..., dynamic_axes={"x": {0: "batch"}}).'
    assert said.endswith(export)


def test_a_file_that_is_no_onnx_model_is_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a model")
    model = channels_last()
    onnx.save(model, tmp_path / "apart.onnx", save_as_external_data=True, size_threshold=999)
    (data,) = tmp_path.glob("*-*-*")
    data.unlink()
    model.graph.node.append(node("Strange", "y", "w", domain="acme"))
    model.opset_import.append(helper.make_opsetid("acme", 1))
    saved(model, tmp_path)
    for name, words in (
        ("text", "cannot be opened: it is not an ONNX file, or it is cut short. Export it again"),
        ("apart", f"its weights are in another file, {data.name}, which is missing. Copy it"),
        ("net", "cannot be opened: Fatal error: acme:Strange"),
    ):
        with pytest.raises(InputError) as error:
            open_model(str(tmp_path / f"{name}.onnx"))
        assert f"{name}.onnx: {words}" in str(error.value)


def test_a_graph_of_another_fixed_number_of_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it takes exactly 4\. Export it by torch\.onnx\.export"):
        classifier_of(channels_last(batch=4), tmp_path)


def test_sizes_that_a_graph_does_not_take_leave_no_lines_of_its_runtime(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    free = channels_last()
    for place in (1, 2):
        free.graph.input[0].type.tensor_type.shape.dim[place].dim_param = f"side{place}"
    with pytest.raises(InputError, match="takes none of the usual sizes"):
        with_size(open_model(saved(free, tmp_path)), NOTHING_KNOWN)
    assert not capfd.readouterr().err


def test_one_of_several_outputs_is_translated(tmp_path: Path, inner_images: np.ndarray) -> None:
    model = channels_last()
    model.graph.node.append(node("Round", "z", "rounded"))
    model.graph.output.insert(0, onnx.ValueInfoProto(name="rounded"))
    require_white_box(classifier_of(model, tmp_path, output_name="y"), inner_images)
    rounded = classifier_of(model, tmp_path, output_index=0)
    assert rounded.no_gradients == "Round of opset 13 is not known"


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ([node("Round", "z", "y")], "Round of opset 13 is not known"),
        ([node("Floor", "z", "y")], "its gradient is zero on each of 64 faces"),
        (
            [
                node("Sub", "z", "z", "zero"),
                node("Sqrt", "zero", "root"),
                node("Add", "z", "root", "y"),
            ],
            "its gradient is NaN or infinite on 64 of 64 faces, as where a net takes the root of 0 "
            "or divides by it",
        ),
        (
            [node("Normalizer", "z", "y", domain="ai.onnx.ml", norm="L1")],
            "Normalizer of ai.onnx.ml is not known",
        ),
    ],
)
def test_what_has_no_translation_is_a_black_box_that_says_why(
    end: Nodes, reason: str, tmp_path: Path, images: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    model = channels_last(end=end)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    classifier = classifier_of(model, tmp_path)
    assert not isinstance(classifier, DifferentiableClassifier)
    assert classifier.no_gradients == reason
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{tmp_path / 'net.onnx'}: attacked as a black box, because {reason}."
    assert classifier.logits(images).shape == (12, 7)


def test_without_pytorch_an_onnx_model_is_a_black_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("fer_models.pytorch")]:
        monkeypatch.delitem(sys.modules, name)
    classifier = classifier_of(channels_last(), tmp_path)
    assert classifier.no_gradients == "torch is not installed: pip install -e '.[torch]'"


def test_a_translation_that_answers_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fer_models.pytorch.onnx import operators
    from fer_models.pytorch.onnx.operator import elementwise

    wrong = elementwise(lambda x: x.tanh() * 1.001, 6, 13)
    monkeypatch.setitem(operators.OPERATORS, "Tanh", wrong)
    classifier = classifier_of(channels_last(), tmp_path)
    assert not isinstance(classifier, DifferentiableClassifier)
    assert "differs from ONNX Runtime by up to 0.00" in classifier.no_gradients
