"""Nets of the cases: mini_xception.fer with a layer before or after it.

So the truth about each is known: it is what that net answers to the same faces.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from datasets.labels import FER7
from fer_models.keras_classifier import KerasClassifier
from fer_models.zoo import load

PLAIN: dict[str, Any] = {
    "classes": FER7.classes,
    "height": 48,
    "width": 48,
    "channels": 1,
    "low": 0,
    "high": 1,
    "output": "logits",
}
"""The contract of the net as it is."""
_MEANS = np.array([103.939, 116.779, 123.68], np.float32)


def write_contract(path: Path, contract: dict[str, Any]) -> None:
    """The contract file next to a model."""
    Path(f"{path}.contract.json").write_text(json.dumps(contract))


def base() -> keras.Model:
    """The shipped net."""
    classifier = load("mini_xception.fer")
    assert isinstance(classifier, KerasClassifier)
    return classifier.model


def write_nets(out: Path) -> None:
    """Every Keras net that a case names, with its contract if it has one."""
    net = base()

    def keep(
        name: str,
        build: Callable[[keras.KerasTensor], keras.KerasTensor],
        contract: dict[str, Any] | None = None,
        shape: tuple[int, int, int] = (48, 48, 1),
    ) -> None:
        path, inputs = out / name, keras.Input(shape)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(path.suffix.lower())  # Keras writes small letters only
        keras.Model(inputs, build(inputs)).save(unfinished)
        unfinished.rename(path)
        if contract is not None:
            write_contract(path, {**PLAIN, **contract})

    keep("plain.keras", net, {})
    keep("dropout.keras", lambda x: net(layers.Dropout(0.1)(x, training=True)), {})
    keep("minus1e6.keras", lambda x: net(x) - 1e6, {})
    keep("times1e4.keras", lambda x: net(x) * 1e4, {})
    keep("vgg_small.fer.keras", net, {})
    keep("alphabetical.keras", net, {"classes": sorted(FER7.classes)})
    keep("scale255.keras", net, {"high": 255})
    keep("standardised.keras", lambda x: net(layers.Rescaling(0.25, 0.5)(x)))
    keep("caffe_bgr.keras", lambda x: net(_grey((x + _MEANS) / 255.0)), shape=(48, 48, 3))
    keep("tie.keras", lambda x: net(_standardised(x) * 0.25 + 0.5))
    keep("inside.keras", lambda x: net(_standardised(x) * 0.25 + 0.5), {})
    keep("pooled.keras", lambda x: net(layers.AveragePooling2D(3, 1, "same")(x)), {})
    keep("partial.keras", lambda x: net(layers.Rescaling(0.5, 0.5)(x)))
    write_contract(out / "partial.keras", {"classes": FER7.classes})
    keep("misordered.keras", lambda x: net(layers.Rescaling(0.5, 0.5)(x)))
    write_contract(out / "misordered.keras", {"classes": sorted(FER7.classes)})
    keep("both_wrong.keras", net, {"classes": sorted(FER7.classes), "high": 255})
    keep("upper.KERAS", net, {})
    keep("a, b/net.keras", net, {})
    keep("lambda.h5", lambda x: net(layers.Lambda(lambda t: t / 1.0)(x)), {})
    keep("net64.keras", lambda x: net(layers.Resizing(48, 48)(x)), _SIDE_64, (64, 64, 1))
    (out / "state.pt").write_bytes(b"PK\x03\x04 weights without a net")


_SIDE_64 = {"height": 64, "width": 64}


def _grey(images: keras.KerasTensor) -> keras.KerasTensor:
    return ops.mean(images, axis=-1, keepdims=True)


def _standardised(images: keras.KerasTensor) -> keras.KerasTensor:
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) / (ops.std(images, axis=(1, 2, 3), keepdims=True) + 1e-6)
