"""Every shipped net, exported to ONNX and opened again, has the logits and gradients it had."""

from pathlib import Path

import numpy as np
import pytest

from datasets.sample.faces import read_sample
from fer_models.classifier import DifferentiableClassifier
from fer_models.export import Format, main
from fer_models.foreign.classifier import load_foreign
from fer_models.foreign.contract_file import ContractFile
from fer_models.keras_classifier import KerasClassifier
from fer_models.losses import Loss
from fer_models.recipe import Recipe
from fer_models.zoo import card_of, load, model_ids

NETS = [name for name in model_ids() if isinstance(card_of(name)[0].recipe, Recipe)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_an_exported_net_has_its_logits_and_gradients(name: str, tmp_path: Path) -> None:
    main(name, Format.ONNX, tmp_path / "net.onnx")
    shipped = load(name)
    assert isinstance(shipped, KerasClassifier)
    contract = ContractFile(classes=shipped.scheme.classes, height=48, width=48, channels=1)
    exported = load_foreign(str(tmp_path / "net.onnx"), contract)
    assert isinstance(exported, DifferentiableClassifier), exported.no_gradients
    images = read_sample().images[::50].astype(np.float32) / np.float32(255)
    # Of 8-bit images many neighbours are equal, where the arc tangent of tf2onnx has a gap.
    noise = np.random.default_rng(0).uniform(0, 0.1, images.shape).astype(np.float32)
    images = 0.9 * images + noise
    labels = shipped.predict(images)
    found, expected = (
        each.input_gradients(images, labels, Loss.CROSS_ENTROPY) for each in (exported, shipped)
    )
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-4)
    largest = np.abs(expected.gradient).max(axis=(1, 2, 3), keepdims=True)
    off = np.abs(found.gradient - expected.gradient) / largest
    assert np.median(off.max(axis=(1, 2, 3))) < 1e-3
