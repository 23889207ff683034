"""Each operator against ONNX Runtime, in each of its definitions; gradients by differences."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from fer_models.pytorch.onnx.net import OnnxNet
from fer_models.pytorch.onnx.operators import OPERATORS
from tests.fer_models.pytorch.onnx.graphs import graph_of

LATEST = 25
"""Latest opset that is compared with ONNX Runtime."""
RNG = np.random.default_rng(0)
IMAGES = (2, 3, 7, 6)
NONE = np.zeros(0, np.float32)
"""How an input is left out where the definition does not let its name be empty."""


def some(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def positive(*shape: int) -> np.ndarray:
    return np.abs(some(*shape)) + np.float32(0.5)


@dataclass
class Case:
    """An operator with inputs and attributes; `since` and `until` are opsets that allow them."""

    kind: str
    shape: tuple[int, ...] = IMAGES
    others: tuple[np.ndarray | None, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    since: int = 7
    until: int = LATEST
    outputs: int = 1
    place: int = 0
    positive: bool = False
    smooth: bool = True

    def versions(self) -> list[int]:
        """The first and the last opset with a definition of its own.

        A definition that changes what is computed has a case that begins or ends with it.
        """
        known = OPERATORS[self.kind].versions
        starts = {max(version, self.since) for version in known if version <= self.until}
        return sorted({min(starts), max(starts)})


def case(kind: str, *others: np.ndarray | None, **settings: Any) -> Case:
    names = ("shape", "since", "until", "outputs", "place", "positive", "smooth")
    own = {name: settings.pop(name) for name in names if name in settings}
    return Case(kind, others=others, attributes=settings, **own)


def unary() -> Iterator[Case]:
    plain = (
        "Relu Sigmoid HardSwish Softplus Softsign Mish Tanh Neg Abs Erf Sin Cos Atan Exp Identity "
        "LeakyRelu Elu Celu Selu HardSigmoid ThresholdedRelu Gelu Swish GlobalAveragePool "
        "GlobalMaxPool"
    )
    for kind in plain.split():
        yield case(kind)
    for kind in ("Sqrt", "Log", "Reciprocal"):
        yield case(kind, positive=True)
    for kind in ("Floor", "Ceil", "Sign"):
        yield case(kind)
    yield case("LeakyRelu", alpha=0.3)
    yield case("Elu", alpha=0.7)
    yield case("Celu", alpha=0.7)
    yield case("Selu", alpha=1.2, gamma=0.9)
    yield case("HardSigmoid", alpha=0.3, beta=0.4)
    yield case("ThresholdedRelu", alpha=0.3)
    yield case("Gelu", approximate="tanh")
    yield case("Swish", alpha=1.5)
    for slope in (some(3, 1, 1), some(1)):
        yield case("PRelu", slope)
    for axis in (None, 0, 1, 2, 3):
        for kind in ("Softmax", "LogSoftmax"):
            yield case(kind, axis=axis)
    for axis in (-1, -3):
        yield case("Softmax", axis=axis, since=11)


def binary() -> Iterator[Case]:
    for kind in ("Add", "Sub", "Mul", "Div"):
        yield case(kind, some(3, 1, 1))
        yield case(kind, some(7, 6), place=1, positive=True)
    for kind in ("Max", "Min", "Sum", "Mean"):
        yield case(kind, some(*IMAGES))
        yield case(kind, some(*IMAGES), some(3, 1, 1))
    yield case("Pow", np.array(2, np.float32))
    yield case("Pow", some(6), positive=True)
    yield case("Pow", np.array(3, np.int64), since=12)
    yield case("Mod", floats(0.7), fmod=1, since=10)
    yield case("Clip", min=-0.5, max=0.7, until=10)
    yield case("Clip", min=-0.5, until=10)
    yield case("Clip", np.array(-0.5, np.float32), np.array(0.7, np.float32), since=11)
    yield case("Clip", None, np.array(0.7, np.float32), since=11)
    yield case("Where", RNG.random((7, 6)) > 0.5, some(3, 1, 1), place=1)
    yield case("MatMul", some(6, 4))
    yield case("MatMul", some(2, 3, 5, 7), place=1)
    yield case("MatMul", some(6))
    for a in (0, 1):
        for b in (0, 1):
            kernel = some(*((5, 4) if b else (4, 5)))
            yield case("Gemm", kernel, some(5), shape=(4, 2) if a else (2, 4), transA=a, transB=b)
    yield case("Gemm", some(4, 5), some(2, 1), shape=(2, 4), alpha=0.5, beta=2.0)
    yield case("Gemm", some(4, 5), shape=(2, 4), since=11)
    yield case("Einsum", some(3, 5), equation="nchw,cd->ndhw")


def windowed() -> Iterator[Case]:
    pads: tuple[dict[str, Any], ...] = ({}, {"pads": [1, 1, 1, 1]}, {"pads": [0, 1, 2, 0]})
    ways = (*pads, *({"auto_pad": way} for way in ("SAME_UPPER", "SAME_LOWER", "VALID")))
    for way in ways:
        for strides in ([1, 1], [2, 3]):
            own = {**way, "strides": strides}
            yield case("Conv", some(4, 3, 3, 2), some(4), **own)
            if "auto_pad" in way and strides == [2, 3]:
                continue  # negative padding, which ONNX Runtime refuses
            yield case("MaxPool", kernel_shape=[3, 2], **own)
            for counted in (0, 1):
                yield case("AveragePool", kernel_shape=[3, 2], count_include_pad=counted, **own)
    for way in pads:
        for strides in ([2, 2], [3, 2]):
            own = {**way, "strides": strides, "ceil_mode": 1, "kernel_shape": [3, 3]}
            yield case("MaxPool", since=10, **own)
            for counted in (0, 1):
                yield case("AveragePool", since=10, count_include_pad=counted, **own)
    yield case("Conv", some(6, 1, 3, 3), group=3, pads=[1, 1, 1, 1])
    yield case("Conv", some(6, 3, 3, 2), dilations=[2, 3])
    yield case("Conv", some(5, 3, 4), some(5), shape=(2, 3, 9), pads=[2, 1], strides=[2])
    yield case("Conv", some(2, 1, 2, 2, 3), shape=(2, 1, 4, 5, 6), pads=[1] * 6)
    yield case("MaxPool", kernel_shape=[2, 2], dilations=[2, 3], since=10)
    yield case("MaxPool", kernel_shape=[3], shape=(2, 3, 9), strides=[2], pads=[1, 1])
    yield case("AveragePool", kernel_shape=[3], shape=(2, 3, 9), strides=[2], pads=[1, 1])
    yield case("AveragePool", kernel_shape=[2, 2], dilations=[2, 3], pads=[1] * 4, since=19)
    for extra in (
        {},
        {"strides": [2, 3]},
        {"pads": [1, 0, 1, 2]},
        {"strides": [2, 2], "pads": [1, 1, 0, 1], "output_padding": [1, 1]},
        {"dilations": [2, 1]},
        {"strides": [3, 2], "output_shape": [22, 13]},
        {"strides": [3, 2], "output_shape": [20, 12], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    ):
        yield case("ConvTranspose", some(3, 2, 3, 3), some(2), **extra)
    yield case("ConvTranspose", some(3, 2, 4), shape=(2, 3, 9), strides=[2])
    yield case("ConvTranspose", some(4, 2, 3, 3), shape=(2, 4, 5, 5), group=2)


def moved() -> Iterator[Case]:
    yield case("Shape", smooth=False)
    yield case("Shape", start=1, end=-1, since=15, smooth=False)
    yield case("Size", smooth=False)
    yield case("Reshape", ints(0, -1, 6))
    yield case("Reshape", ints(4, 3, -1))
    yield case("Flatten")
    for axis in (0, 2, 4):
        yield case("Flatten", axis=axis)
    yield case("Flatten", axis=-1, since=11)
    yield case("Transpose")
    yield case("Transpose", perm=[0, 2, 3, 1])
    narrow = (2, 1, 7, 1)
    yield case("Squeeze", shape=narrow)
    yield case("Squeeze", shape=narrow, axes=[3], until=12)
    yield case("Squeeze", ints(-1, 1), shape=narrow, since=13)
    yield case("Unsqueeze", axes=[1, 5], until=12)
    yield case("Unsqueeze", ints(0, -1), since=13)
    yield case("Concat", some(2, 5, 7, 6), axis=1)
    yield case("Concat", some(2, 3, 7, 2), axis=-1, since=11)
    yield case("Split", axis=3, outputs=3, until=17)
    yield case("Split", axis=3, outputs=2, split=[2, 4], until=12)
    yield case("Split", ints(1, 6), axis=2, outputs=2, since=13)
    yield case("Split", axis=2, outputs=3, num_outputs=3, since=18)
    yield case("Slice", starts=[1, -4], ends=[9, -1], axes=[1, 2], until=9)
    yield case("Slice", starts=[0, 1], ends=[2, 2], until=9)
    yield case("Slice", ints(1, -4), ints(9, -1), ints(1, 2), since=10)
    yield case("Slice", ints(-1, 0), ints(-9, 9), ints(3, -2), ints(-2, 3), since=10)
    yield case("Slice", ints(-1), ints(-(2**31)), ints(2), ints(-1), since=10)
    yield case("Gather", ints(2, 0), axis=1)
    yield case("Gather", np.array([[0, 1], [-1, 2]]), axis=2, since=11)
    yield case("Gather", np.array(1), axis=3)
    yield case("Expand", ints(4, 2, 3, 7, 6))
    yield case("Expand", ints(5, 1), shape=(2, 3, 1, 6))
    yield case("Tile", ints(1, 2, 1, 3))
    sides = [0, 1, 2, 0, 0, 0, 1, 3]
    for mode in ("constant", "reflect", "edge"):
        yield case("Pad", pads=sides, mode=mode, until=10)
        yield case("Pad", ints(*sides), mode=mode, since=11)
    yield case("Pad", pads=sides, value=1.5, until=10)
    yield case("Pad", ints(*sides), np.array(1.5, np.float32), since=11)
    yield case("Pad", ints(0, 0, -1, 2, 0, 0, 1, -2), since=11)
    yield case("Pad", ints(1, 2, 0, 3), None, ints(2, -1), since=18)
    yield case("Pad", ints(*sides), mode="wrap", since=19)
    deep = (2, 8, 4, 6)
    yield case("DepthToSpace", blocksize=2, shape=deep)
    for mode in ("DCR", "CRD"):
        yield case("DepthToSpace", blocksize=2, shape=deep, mode=mode, since=11)
    yield case("SpaceToDepth", blocksize=2, shape=deep)
    yield case("Dropout")
    yield case("Cast", to=11, smooth=False)
    yield case("CastLike", some(1))


def reduced() -> Iterator[Case]:
    for name in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"):
        kind = f"Reduce{name}"
        last = 12 if kind == "ReduceSum" else 17
        for axes in ([1], [2, 3], None):
            for keep in (0, 1):
                yield case(kind, axes=axes, keepdims=keep, until=last, positive=True)
        yield case(kind, axes=[-1], since=11, until=last)
        yield case(kind, ints(-1, 1), keepdims=0, since=last + 1)
        yield case(kind, since=last + 1)
    for kind in ("ReduceMean", "ReduceSum", "ReduceMax"):
        yield case(kind, noop_with_empty_axes=1, since=18)


def normalised() -> Iterator[Case]:
    yield case("BatchNormalization", some(3), some(3), some(3), positive(3), epsilon=1e-3)
    yield case("InstanceNormalization", some(3), some(3), epsilon=1e-2)
    for axis in (-1, 1):
        sides = IMAGES[axis:]
        yield case("LayerNormalization", some(*sides), some(*sides), axis=axis, epsilon=1e-3)
    yield case("LayerNormalization", some(6))
    wide = (2, 6, 4, 3)
    yield case("GroupNormalization", some(3), some(3), num_groups=3, shape=wide, until=20)
    yield case("GroupNormalization", some(6), some(6), num_groups=3, shape=wide, since=21)
    for p in (1, 2):
        yield case("LpNormalization", p=p, axis=1)
    yield case("LRN", size=3)
    yield case("LRN", size=5, alpha=0.3, beta=0.6, bias=1.5, shape=(2, 7, 3, 3))


def resized() -> Iterator[Case]:
    bigger, smaller = floats(1, 1, 2, 1.5), floats(1, 1, 0.55, 0.7)
    for scales in (bigger, smaller):
        for mode in ("nearest", "linear"):
            yield case("Resize", scales, mode=mode, until=10)
            if scales is bigger:  # ONNX Runtime has it so
                yield case("Upsample", mode=mode, scales=scales.tolist(), until=8)
                yield case("Upsample", scales, mode=mode, since=9, until=9)
    targets = (ints(2, 3, 14, 15), ints(2, 3, 5, 5), ints(2, 3, 7, 1))
    for way in (
        "half_pixel",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        "half_pixel_symmetric",
    ):
        first = 19 if way == "half_pixel_symmetric" else 11
        own: dict[str, Any] = {"coordinate_transformation_mode": way, "since": first}
        for target in targets:
            for mode in ("linear", "cubic"):
                yield case("Resize", NONE, NONE, target, mode=mode, **own)
            for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
                yield case("Resize", NONE, NONE, target, nearest_mode=rounding, **own)
        for scales in (bigger, smaller):
            for mode in ("nearest", "linear", "cubic"):
                yield case("Resize", NONE, scales, mode=mode, **own)
    cubic = {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1}
    yield case("Resize", NONE, NONE, targets[1], since=11, **cubic)
    yield case("Resize", NONE, NONE, ints(5, 9), mode="linear", axes=[2, 3], since=18)


CASES = [
    c for group in (unary, binary, windowed, moved, reduced, normalised, resized) for c in group()
]
KINDS = sorted({c.kind for c in CASES})


def pixels(c: Case) -> np.ndarray:
    """float64 values of the case's input, away from the kinks of piecewise functions."""
    values = np.random.default_rng(1).normal(size=c.shape)
    return np.abs(values) + 0.5 if c.positive else values


def graph(c: Case, opset: int, number: type = np.float32) -> onnx.ModelProto:
    return graph_of(c.kind, c.shape, c.others, opset, number, c.outputs, c.place, **c.attributes)


def runtime(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


@pytest.mark.parametrize("kind", KINDS)
def test_an_operator_answers_as_onnx_runtime_does(kind: str) -> None:
    for c in (c for c in CASES if c.kind == kind):
        images = pixels(c).astype(np.float32)
        for opset in c.versions():
            words, model = f"{c} of opset {opset}", graph(c, opset)
            (expected,) = runtime(model).run(["y0"], {"x": images})
            answer = OnnxNet(model)(torch.from_numpy(images)).numpy()
            assert answer.shape == expected.shape, words
            np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-5, err_msg=words)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_that_differences_give(kind: str) -> None:
    """Along one direction, of a random weighting of the outputs, in float64."""
    rng = np.random.default_rng(2)
    for c in (c for c in CASES if c.kind == kind and c.smooth):
        net = OnnxNet(graph(c, c.versions()[-1], np.float64))
        images = torch.tensor(pixels(c), requires_grad=True)
        way = torch.from_numpy(rng.normal(size=c.shape))
        answer = net(images)
        weights = torch.from_numpy(rng.normal(size=answer.shape))
        (gradient,) = torch.autograd.grad((weights * answer).sum(), images)
        with torch.no_grad():
            steps = [(weights * net(images + sign * 1e-6 * way)).sum() for sign in (1, -1)]
        slope = float(steps[0] - steps[1]) / 2e-6
        assert float((gradient * way).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-6), c


def test_every_operator_of_the_table_has_a_case() -> None:
    elsewhere = {  # tests/fer_models/pytorch/onnx/test_net.py
        *("Constant", "ConstantOfShape", "Range", "QuantizeLinear", "DequantizeLinear"),
        *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Not"),
    }
    assert OPERATORS.keys() == {*KINDS, *elsewhere}
