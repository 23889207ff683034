"""Models whose answers differ from what files, names, batches or logits let expect."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.cases.conftest import Command, Run
from tests.cases.faces import ON_REAL_FACES
from tests.cases.found import accuracy, flags

pytestmark = pytest.mark.slow

CHANGED = "the model callables:weight_file gives other logits than when the run began"


def near(figure: float, truth: float, faces: int = 0) -> bool:
    """Whether a figure of 60 faces is the true one, up to N faces."""
    return abs(figure - truth) <= 100 * faces / 60 + 0.05


def test_controls_are_measured_and_not_flagged(run: Run) -> None:
    plain = run("plain.keras", "small")
    assert flags(plain, "plain") == {}
    good = run("callables:good", "search")
    assert {rule for rule, _ in flags(good, "callables:good")} <= {"R7", "R19"}  # a black box
    if ON_REAL_FACES:
        found = [accuracy(plain, "plain", eps) for eps in (0, 0.5 / 255, 4 / 255)]
        assert found == pytest.approx([68.3, 28.3, 0.0], abs=0.05)
        found = [accuracy(good, "callables:good", eps) for eps in (0, 8 / 255)]
        assert found == pytest.approx([68.3, 18.3], abs=0.05)


def test_another_weight_file_is_another_model(command: Command, run: Run, cases: Path) -> None:
    done = run("callables:weight_file", "search", limit=40)
    shutil.copy(cases / "bias.npy", cases / "first.npy")
    shutil.copy(cases / "other_bias.npy", cases / "bias.npy")
    try:
        again = (
            *("--data", "faces", "--models", "callables:weight_file", "--tier", "search.toml"),
            *("--labels", "fer", "--limit", 40, "--out", done, "--resume"),
        )
        assert CHANGED in command("evaluation.run", *again).error
        assert CHANGED in command("evaluation.rescore", done).error
    finally:
        shutil.copy(cases / "first.npy", cases / "bias.npy")


def test_answers_that_depend_on_the_batch_are_flagged(run: Run) -> None:
    models = ("callables:minus_batch_mean", "callables:order_dependent")
    done = run(",".join(models), "search")
    for model in models:
        assert (
            "depend on the images around it"
            in flags(done, model)["R11", "same answer in any batch"]
        )


def test_dropout_inside_is_said(run: Run) -> None:
    done = run("dropout.keras", "small")
    assert "It was measured in inference mode" in flags(done, "dropout")["R11", "inference mode"]


def test_logits_too_coarse_to_attack_are_refused(command: Command) -> None:
    options = ("--data", "faces", "--models", "minus1e6.keras", "--tier", "small.toml")
    refused = command("evaluation.run", *options, "--labels", "fer", "--out", "none")
    assert "too coarse to tell classes apart" in refused.error


def test_logits_times_10_000_are_measured_and_flagged(run: Run) -> None:
    done = run("plain.keras,times1e4.keras", "small")
    for eps in (0, 0.5 / 255, 4 / 255):
        assert near(accuracy(done, "times1e4", eps), accuracy(done, "plain", eps), faces=1)
    assert {rule for rule, _ in flags(done, "times1e4")} == {"R10"}


@pytest.mark.parametrize("first", [True, False])
def test_a_shipped_id_is_that_of_the_shipped_net(first: bool, run: Run) -> None:
    models = ["vgg_small.fer.keras", "vgg_small.fer"]
    done = run(",".join(models if first else models[::-1]), "noise", limit=20)
    results = pd.read_csv(done / "results.csv", keep_default_na=False)
    assert set(results.model) == {"vgg_small.fer", "vgg_small.fer-2"}
    shipped = run("vgg_small.fer", "noise", limit=20)
    assert accuracy(done, "vgg_small.fer") == accuracy(shipped, "vgg_small.fer")


def test_a_view_of_a_larger_net_has_its_size(cases: Path) -> None:
    from fer_models.zoo import load
    from live.towards import towards

    assert towards(load(str(cases / "net64.keras")), 3).face_side == 64
