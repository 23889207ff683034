"""The probe on models whose scaling and class order are known."""

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7
from fer_models.foreign.contract_probe import probe, scheme_of
from fer_models.foreign.raw_model import RawModel


def flag_model(order: list[int], name: str = "flags") -> RawModel:
    """Reads the class from the first row of pixels when fed -1 to 1: white at the class's place."""

    def call(images: np.ndarray) -> np.ndarray:
        scores = -np.abs(images[:, 0, :7, 0] - 1)
        scores[:, 0] += 1e-3
        exponents = np.exp(4 * np.maximum(scores, -20))[:, order]
        return exponents / exponents.sum(axis=1, keepdims=True)

    return RawModel(name, call, (8, 8, 1), None, "0")


def flag_faces(count: int = 140) -> tuple[np.ndarray, np.ndarray]:
    """Class k: pixel k white, others black or, in 0-255, far beyond: only -1 to 1 reads all."""
    labels = np.arange(count) % 7
    images = np.random.default_rng(0).random((count, 8, 8, 1), np.float32) * 0.9
    images[np.arange(count), 0, labels, 0] = 1.0
    return images, labels


def test_probe_finds_order_and_kind() -> None:
    order = [3, 1, 0, 2, 6, 5, 4]

    def call(images: np.ndarray) -> np.ndarray:
        # right only for signed pixels: the brightest is near 1, and darker ones fall below .85
        fits = 1.0 if abs(images.min() + 1) < 0.05 and images.max() < 1.5 else 0.2
        return (
            fits * flag_model(order).call(images)
            + (1 - fits) / 7 * np.roll(np.eye(7)[np.arange(len(images)) % 5], 1, axis=1) * 7
        )

    images, labels = flag_faces()
    raw = RawModel("flags", call, (8, 8, 1), None, "0")
    assert scheme_of(raw) == FER7
    found = probe(raw, images, labels, FER7)
    assert found.scaling == "-1 to 1"
    assert found.accuracy == 1.0
    assert found.file.classes == tuple(FER7.classes[i] for i in order)
    assert found.file.output == "probabilities"
    assert (found.sureness == 1).all()


def test_probe_refuses_what_it_cannot_tell() -> None:
    images, labels = flag_faces()
    with pytest.raises(InputError, match="cannot tell the scaling"):
        probe(RawModel("any", lambda x: x[:, 0, :7, 0], (8, 8, 1), None, "0"), images, labels, FER7)
    noise = np.random.default_rng(0).random((140, 7))
    with pytest.raises(InputError, match="no scaling classifies more"):
        probe(
            RawModel("noise", lambda x: noise[: len(x)], (8, 8, 1), None, "0"), images, labels, FER7
        )
    nine = RawModel("nine", lambda x: np.zeros((len(x), 9)), (8, 8, 1), None, "0")
    with pytest.raises(InputError, match=r"7 or 8 classes; got 9 outputs"):
        scheme_of(nine)
