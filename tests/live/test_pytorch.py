"""The live page's pipeline on nets of PyTorch that it loads by path."""

import json
import os
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from datasets.labels import FER7
from live.model_loader import ModelLoader
from live.pipeline import Pipeline, Tools
from live.settings import Settings


class Net(nn.Module):
    """A convolution and its maps, viewed as rows."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(1, 4, 5, stride=4), nn.ReLU())
        self.end = nn.Linear(4 * 11 * 11, 7)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.end(self.maps(images).view(images.shape[0], -1))


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> ModelLoader:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("nets")
    batch = ({0: torch.export.Dim("batch")},)
    shape = (torch.zeros(2, 1, 48, 48),)
    program = torch.export.export(Net().eval(), shape, dynamic_shapes=batch)
    torch.export.save(program, folder / "net.pt2")
    fields = {"classes": FER7.classes, "height": 48, "width": 48, "channels": 1, "low": -1}
    (folder / "net.pt2.contract.json").write_text(json.dumps({**fields, "high": 1}))
    return ModelLoader([os.fspath(folder / "net.pt2")])


@pytest.fixture(scope="module")
def pipeline(loader: ModelLoader) -> Pipeline:
    for defence in ("", "+jpeg75"):
        loader.wait(loader.ids[0] + defence)
    return Pipeline(loader, Tools())


OPTIONS: list[dict[str, Any]] = [{}, {"defence": "jpeg75"}, {"target": "fear"}, {"heat": True}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("attack", ["fgsm", "pgd", "square"])
def test_a_net_is_read_clean_and_attacked(
    attack: str,
    options: dict[str, Any],
    pipeline: Pipeline,
    loader: ModelLoader,
    portrait: np.ndarray,
) -> None:
    steps = 60 if attack == "square" else 5
    settings = Settings(model=loader.ids[0], attack=attack, eps=8, steps=steps, **options)
    reading = pipeline.read(portrait, settings, 0.0)
    (face,) = reading.faces
    before, after = face.answers[0].probabilities, face.attacked_answers[0].probabilities
    assert reading.note == "" and not reading.busy and len(before) == 7
    assert face.attacked is not None
    assert 0 < np.abs(face.attacked - face.clean).max() <= 8.001 / 255
    if "target" in options:
        aim = FER7.classes.index("fear")
        leads = [shares[aim] / np.delete(shares, aim).max() for shares in (before, after)]
        assert leads[1] > leads[0]
    else:
        assert after[before.argmax()] < before.max()
    assert (face.heat is not None and bool(face.heat.any())) == ("heat" in options)
