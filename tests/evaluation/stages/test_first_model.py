"""Slow attacks see a part of the faces, but all of them for the model that ranks first."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attacks.ensembles.adaptive import Ensemble
from attacks.regional import REGIONAL
from attacks.threat_model import Norm
from datasets.faceset import Split
from datasets.labels import FER7, LabelSet
from evaluation.config import AttackSettings
from evaluation.configure import configure
from evaluation.request import RunRequest
from evaluation.results.image_rows import ImageRows
from evaluation.results.run import FinishedRun
from evaluation.stages import pipeline
from evaluation.stages.first_model import first_models
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import Classifier
from tests.evaluation import tiny
from tests.evaluation.held_rows import HeldRows

PGD = AttackSettings.model_validate(
    {"name": "pgd", "steps": 3, "limit": 10, "all_faces_for_first": True}
)
CONFIG = tiny.config(
    models=("tiny.fer", "other.fer", "tiny.ferplus"),
    corruptions=(),
    attacks=(AttackSettings(name="noise"), PGD, AttackSettings(name="fgsm")),
    transfer=AttackSettings(name="fgsm", limit=5),
)


class BlackBox(Classifier):
    """Right more often than any net."""

    id, scheme, weights_sha256 = "box.fer", FER7, "b" * 64

    def __init__(self) -> None:
        self.net = tiny.classifier()

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return 2 * self.net.logits(images)


def models() -> list[Classifier]:
    return [*tiny.models(), tiny.classifier(FER7, "other.fer", seed=5), BlackBox()]


def faces_of_pgd(folder: Path) -> dict[tuple[str, str], int]:
    rows = FinishedRun(folder).per_image
    rows = rows[rows.perturbation == "pgd"]
    return {key: len(part) for key, part in rows.groupby(["model", "attacked_labels"])}


def test_the_first_of_each_label_set_is_attacked_on_all_faces(tmp_path: Path) -> None:
    records = evaluate_run(CONFIG, tiny.faces(), models(), tmp_path, None, tiny.SILENT)
    found = faces_of_pgd(tmp_path)
    assert found["tiny.fer", "fer"] == found["tiny.ferplus", "ferplus"] == 40
    for model, labels in (("other.fer", "fer"), ("other.fer", "ferplus"), ("tiny.fer", "ferplus")):
        assert found[model, labels] <= 10
    made = [entry for entry in records if entry["perturbation"] == "pgd"]
    sets = [(entry["model"], entry["attacked_labels"]) for entry in made]
    assert len(set(sets)) == len(sets)  # once each, whether limited or not
    again = tiny.config(**CONFIG.model_dump())
    before = (tmp_path / "results.csv").read_bytes()
    evaluate_run(again, tiny.faces(), models(), tmp_path, None, tiny.SILENT)
    assert (tmp_path / "results.csv").read_bytes() == before


@pytest.mark.slow
def test_who_ranks_first_afterwards_is_attacked_on_all_faces_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(config: Any, classifiers: Any, images: ImageRows) -> set[tuple[str, str]]:
        rows = images.pick(model="tiny.fer")
        fell = ((rows.model == "tiny.fer") & (rows.perturbation == "pgd")).any()
        return {("other.fer" if fell else "tiny.fer", "fer")}

    monkeypatch.setattr(pipeline, "first_models", overtaken)
    evaluate_run(CONFIG, tiny.faces(), models(), tmp_path, None, tiny.SILENT)
    found = faces_of_pgd(tmp_path)
    assert found["tiny.fer", "fer"] == found["other.fer", "fer"] == 40
    assert found["tiny.ferplus", "ferplus"] <= 10


def test_the_area_up_to_the_headline_eps_decides() -> None:
    """Of the grid (0.02, 0.1) the headline eps is 0.02: 4/255 is below it."""
    nan = float("nan")

    def rows(model: str, smallest: list[float]) -> pd.DataFrame:
        shared = {"model": model, "attacked_labels": "fer", "perturbation": "noise"}
        return pd.DataFrame({"row": [1, 2, 3, 4], "smallest_eps": smallest, **shared})

    # up to 0.02 the one keeps (4 + 3) / 8, the other (3 + 3) / 8; beyond, it would lose
    table = pd.concat(
        [rows("tiny.fer", [0.02, 0.1, 0.1, 0.1]), rows("other.fer", [0.0, *[nan] * 3])]
    )
    assert first_models(CONFIG, models(), HeldRows(table)) == {("tiny.fer", "fer")}
    weaker = table.assign(smallest_eps=table.smallest_eps.where(table.model != "tiny.fer", 0.0))
    assert first_models(CONFIG, models(), HeldRows(weaker)) == {("other.fer", "fer")}
    box = pd.concat([weaker, rows("box.fer", [nan] * 4)])
    assert first_models(CONFIG, models(), HeldRows(box)) == {("other.fer", "fer")}  # an upper bound


def test_the_standard_tier_spares_no_model_anything() -> None:
    """Its strongest attack sees every face; parts of the face and black boxes 100."""
    request = RunRequest("simple_cnn.fer", tier="standard")
    config = configure(request, Split.PUBLIC_TEST, [LabelSet.FER])
    assert config.norm is Norm.LINF
    limited = {attack.name for attack in config.attacks if attack.limit}
    regional = {attack.name for attack in REGIONAL}
    assert limited == {*regional, "square", "hop_skip_jump"}
    by_name = {attack.name: attack for attack in config.attacks}
    assert by_name["square"].black_boxes_only and by_name["hop_skip_jump"].labels_only
    ensemble = Ensemble(norm=Norm.LINF, eps=4 / 255, **by_name["ensemble"].options)
    assert ensemble.queries == by_name["square"].options["queries"] == 1000
    assert ensemble.queries // ensemble.screening == 250
