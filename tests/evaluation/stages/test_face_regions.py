"""The mean face and where its regions lie, counted over the faces that regional attacks see."""

import numpy as np
import pytest

from attacks.threat_model import Norm
from datasets.faceset import FaceSet, Split
from datasets.labels import LabelSet
from evaluation.config import AttackSettings, RunConfig
from evaluation.stages import face_regions as module
from evaluation.stages.face_regions import face_regions
from evaluation.tiers import Tier


def config(*attacks: AttackSettings) -> RunConfig:
    return RunConfig(
        split=Split.PUBLIC_TEST,
        models=("m",),
        labels=(LabelSet.FER,),
        tier=Tier.SMOKE,
        norm=Norm.LINF,
        eps=(0.1,),
        limit=None,
        seed=0,
        severities=(),
        corruptions=(),
        attacks=attacks,
    )


def faces() -> FaceSet:
    images = np.stack([np.full((4, 4, 1), grey, np.uint8) for grey in (10, 20, 30, 200)])
    return FaceSet("f", Split.PUBLIC_TEST, images, np.arange(4), np.zeros(4, np.int64))


def test_the_commonest_region_of_each_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two faces are all eyes, one is all mouth but for its first row of brows.
    maps = np.zeros((3, 4, 4), np.uint8)
    maps[2] = 3
    maps[2, 0] = 1
    monkeypatch.setattr(module, "region_maps", lambda images: maps[: len(images)])
    found = face_regions(faces(), config(AttackSettings(name="pgd_eyes", limit=3)))
    assert (found["mean_face"] == 20).all()
    assert (found["region"] == 0).all()
    assert found["name"].tolist() == ["eyes", "brows", "nose", "mouth", "rest"]
    # 32 of 48 pixels are eyes, 4 brows, 12 mouth.
    assert found["share"] == pytest.approx([32 / 48, 4 / 48, 0, 12 / 48, 0])


def test_without_regional_attacks_there_are_no_regions() -> None:
    found = face_regions(faces(), config(AttackSettings(name="pgd")))
    assert len(found["name"]) == len(found["share"]) == 0
