"""Models of the cases in other formats: SavedModel, TFLite, ONNX."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.cases.faces import Faces
from tests.cases.nets import PLAIN, base, write_contract


def write_exported(out: Path) -> None:
    """A SavedModel whose first endpoint takes a mask too, and a TFLite file of free size."""
    import tensorflow as tf

    net, module = base(), tf.Module()
    module.net = net
    size, mask = tf.TensorSpec((None, 48, 48, 1), tf.float32), tf.TensorSpec((), tf.float32)
    module.serve = tf.function(lambda image, m: net(image) * m, input_signature=[size, mask])
    works = tf.function(lambda x: {"logits": net(x, training=False)}, input_signature=[size])
    tf.saved_model.save(module, str(out / "saved"), signatures={"serving_default": works})
    images = keras.Input((None, None, 1))
    free = keras.Model(images, net(keras.layers.Resizing(48, 48)(images)))
    content = tf.lite.TFLiteConverter.from_keras_model(free).convert()
    (out / "free.tflite").write_bytes(content)
    for name in ("saved", "free.tflite"):
        write_contract(out / name, PLAIN)


def write_onnx(out: Path, faces: Faces) -> None:
    """One matrix from 2304 pixels to seven classes (the nearest mean face) behind odd inputs."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    pixels = faces.images.reshape(-1, 2304) / np.float32(255)
    means = np.stack([pixels[faces.labels == k].mean(axis=0) for k in range(7)]).astype(np.float32)
    bias = (-0.5 * (means**2).sum(axis=1)).astype(np.float32)
    kinds: dict[str, tuple[int, list[str | int], dict[str, Any]]] = {
        "uint8": (TensorProto.UINT8, ["N", 48, 48, 1], {"high": 255}),
        "half": (TensorProto.FLOAT16, ["N", 48, 48, 1], {}),
        "double": (TensorProto.DOUBLE, ["N", 48, 48, 1], {}),
        "flat": (TensorProto.FLOAT, ["N", 2304], {}),
        "no_channel": (TensorProto.FLOAT, ["N", 48, 48], {}),
    }
    for name, (kind, shape, contract) in kinds.items():
        scale = np.float32(contract.get("high", 1))
        graph = helper.make_graph(
            [
                helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
                helper.make_node("Flatten", ["f"], ["v"], axis=1),
                helper.make_node("Gemm", ["v", "w", "b"], ["y"]),
            ],
            name,
            [helper.make_tensor_value_info("x", kind, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 7])],
            [numpy_helper.from_array(means.T / scale, "w"), numpy_helper.from_array(bias, "b")],
        )
        opset = [helper.make_opsetid("", 15)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), out / f"{name}.onnx")
        write_contract(out / f"{name}.onnx", {**PLAIN, **contract})
