"""How the axes of an input hold images."""

from pathlib import Path

import numpy as np
import pytest

from fer_models.foreign.input_layout import layout_of, require_one
from fer_models.foreign.onnx_file import as_numbers, open_onnx


@pytest.mark.parametrize(
    ("sides", "shape", "arranged"),
    [
        ((4, 6, 3), (4, 6, 3), (2, 4, 6, 3)),
        ((4, 6, 1), (4, 6, 1), (2, 4, 6, 1)),
        ((3, 4, 6), (4, 6, 3), (2, 3, 4, 6)),
        ((1, 4, 6), (4, 6, 1), (2, 1, 4, 6)),
        ((4, 6), (4, 6, 1), (2, 4, 6)),
        ((36,), (6, 6, 1), (2, 36)),
        ((108,), (6, 6, 3), (2, 108)),
    ],
)
def test_images_are_arranged_as_the_axes_ask(
    sides: tuple[int, ...], shape: tuple[int, int, int], arranged: tuple[int, ...]
) -> None:
    layout = layout_of(sides)
    assert layout.shape == shape
    images = np.random.default_rng(0).random((2, *shape), np.float32)
    found = layout.arrange(images)
    assert found.shape == arranged
    back = found.transpose(0, 2, 3, 1) if layout.channels_first else found
    np.testing.assert_array_equal(back.ravel(), images.ravel())


@pytest.mark.parametrize("sides", [("h", "w", 1), (-1, 48, 1), (None, None), ("pixels",), (0,)])
def test_a_free_axis_is_no_size(sides: tuple[object, ...]) -> None:
    assert layout_of(sides).shape is None


@pytest.mark.parametrize(
    ("sides", "axes"), [((2305,), "2305"), ((1, 4, "w", 3), "1, 4, any, 3"), ((), "")]
)
def test_what_holds_no_images_is_refused(sides: tuple[object, ...], axes: str) -> None:
    words = rf"its input is \(N, {axes}\), .* it must be \(N, height, width, channels\)"
    with pytest.raises(ValueError, match=words):
        layout_of(sides)


def test_one_input_is_taken() -> None:
    require_one(1)
    with pytest.raises(ValueError, match="it takes 2 inputs, not one"):
        require_one(2)


def test_integers_are_rounded_and_stay_in_their_range() -> None:
    values = np.array([-3.0, 0.4, 1.6, 300.0], np.float32)
    assert as_numbers(values, np.uint8).tolist() == [0, 0, 2, 255]
    assert as_numbers(values, np.int8).tolist() == [-3, 0, 2, 127]
    assert as_numbers(values, np.float16).dtype == np.float16
    assert as_numbers(values, np.float32) is values


@pytest.mark.parametrize(
    ("kind", "limits"), [("INT8", (-128, 127)), ("UINT8", (0, 255)), ("FLOAT", None)]
)
def test_an_onnx_file_says_what_its_numbers_hold(
    tmp_path: Path, kind: str, limits: tuple[int, int] | None
) -> None:
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    helper, number = onnx.helper, getattr(onnx.TensorProto, kind)
    sides = ("x", ["N", 1, 8, 8]), ("y", ["N", 64])
    ends = [helper.make_tensor_value_info(name, number, side) for name, side in sides]
    graph = helper.make_graph([helper.make_node("Flatten", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "net.onnx")
    opened = open_onnx(tmp_path / "net.onnx", "0")
    assert (opened.limits, opened.step) == (limits, 0 if limits is None else 1)
