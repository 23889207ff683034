"""The contracts of services in `docs/bring-your-model.md` do what the page says."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_models.services.classifier import load_service
from fer_models.services.service_file import read_service_file
from tests.fer_models.services.server import CLASSES, serving, softmax_of_pixels

GUIDE = (Path(__file__).parents[3] / "docs" / "bring-your-model.md").read_text()
CONTRACTS = re.findall(r"```toml\n(url.+?)```", GUIDE, re.S)


def answer(images: list[np.ndarray]) -> Any:
    """In the form of each example of the page."""
    rows = [softmax_of_pixels(image) for image in images]
    if images[0].shape == (224, 224, 3):
        return [{"label": name, "score": share} for share, name in sorted(zip(rows[0], CLASSES))]
    return {
        "scores": rows[0],
        "predictions": rows,
        "result": {"emotion": CLASSES[int(np.argmax(rows[0]))]},
    }


@pytest.mark.parametrize("text", CONTRACTS)
def test_the_examples_of_the_guide_are_contracts_that_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("EMOTIONS_KEY", "key")
    path = tmp_path / "emotions.http.toml"
    levels = np.random.default_rng(0).integers(0, 2, (3, 48, 48, 1)).astype(np.float32)
    with serving(answer) as server:
        path.write_text(re.sub(r'url = ".+?"', f'url = "{server.url}"', text))
        classifier = load_service(str(path))
        logits = classifier.logits(levels)
    assert logits.shape == (3, 7) and classifier.scheme.name == "fer"
    assert sum(server.sizes) == 3
    if read_service_file(path).height == 48 and "high" not in text:
        whole = (levels * 255).astype(np.uint8)
        sent = [CLASSES[int(np.argmax(softmax_of_pixels(image)))] for image in whole]
        assert [classifier.scheme.classes[k] for k in logits.argmax(axis=1)] == sent


def test_every_field_stands_in_the_guide_and_every_kind_of_example() -> None:
    assert len(CONTRACTS) == 4
    section = GUIDE.partition("## An HTTP service")[2]
    from fer_models.services.service_file import ServiceFile

    for field in ServiceFile.model_fields:
        assert f"`{field}`" in section, field
