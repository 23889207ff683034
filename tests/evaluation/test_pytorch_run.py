"""A run on a PyTorch net: the figures and checks of the same net in Keras."""

from pathlib import Path

from datasets.labels import LabelSet
from evaluation.results.files import read_table
from evaluation.results.schema import CHECK_COLUMNS
from evaluation.stages.pipeline import evaluate_run
from fer_models.defences.base import defend
from fer_models.defences.registry import parse_defence
from fer_models.pytorch.classifier import wrap_torch
from fer_models.pytorch.port import port
from tests.evaluation import tiny


def test_figures_and_checks_are_those_of_the_same_net_in_keras(tmp_path: Path) -> None:
    net = tiny.classifier()
    ported = wrap_torch(port(net.model), net.contract, model_id=net.id)
    frames = []
    for folder, inner in (("keras", net), ("torch", ported)):
        run = tiny.config(
            labels=(LabelSet.FER,), corruptions=(), models=("tiny.fer", "tiny.fer+bits6")
        )
        models = [inner, defend(inner, parse_defence("bits6"), "bits6")]
        evaluate_run(run, tiny.faces(), models, tmp_path / folder, None, tiny.SILENT)
        results = tiny.results_of(tmp_path / folder)
        checks = read_table(tmp_path / folder / "checks.parquet", CHECK_COLUMNS)
        assert not checks.status.eq("error").any(), checks[checks.status.eq("error")]
        frames.append((results, checks))
    (ours, our_checks), (theirs, their_checks) = frames
    keys = ["model", "metric", "perturbation", "eps", "class"]
    keys = [key for key in keys if key in ours.columns]
    assert ours[keys].equals(theirs[keys])
    attacked = ours.metric.eq("robust_accuracy")
    assert attacked.any()
    assert ours[attacked].status.tolist() == theirs[attacked].status.tolist()
    differ = (ours[attacked].value - theirs[attacked].value).abs()
    assert differ.max() <= 1 / 30, "at most one face of 40"
    names = ["model", "perturbation", "rule", "check"]
    assert our_checks[names].equals(their_checks[names])
    assert {"R4", "R6", "R9", "R10", "R11", "R14"} <= set(their_checks.rule)
