"""Sources of faces that contradict themselves, and the figures of equal faces."""

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.cases.conftest import Command, Run
from tests.cases.faces import ON_REAL_FACES

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("votes90", "expected votes that agree with"),
        ("two_sources", "expected one source of faces"),
        ("val_twice", "found val and validation"),
        ("left_out", r"\.heic: 10, .*no ending: 10\) would be left out"),
    ],
)
def test_what_contradicts_itself_is_refused(source: str, words: str, command: Command) -> None:
    if source == "votes90" and not ON_REAL_FACES:
        pytest.skip("the votes of the generated sample are those of its labels")
    assert re.search(words, command("datasets.inspect", source).error)


def test_photographs_of_other_depths_are_named(command: Command, tmp_path: Path) -> None:
    done = command("fer_models.predict", "photos", "--out", tmp_path / "p")
    assert "floats.tif: expected 8 or 16 bits per channel, found floats" in done.err
    assert "twelve_bits.png: expected pixels that use all 16 bits" in done.err
    assert "plain.png, face 1: happiness" in done.out


def test_grey_faces_have_one_channel_in_every_file(run: Run) -> None:
    found = []
    for source in ("grey", "rgba", "palette"):
        done = run("plain.keras", "l1", "--norm", "l1", data=source)
        told = "60 images with three equal channels, read as one" in (done / "log.txt").read_text()
        assert told == (source != "grey")
        table = pd.read_csv(done / "results.csv", keep_default_na=False)
        found.append(table[table.perturbation == "worst_case"].drop(columns=["source"]))
    for other in found[1:]:
        assert other.value.tolist() == found[0].value.tolist()


def test_every_face_twice_is_no_narrower(run: Run) -> None:
    rows = []
    for source in ("once", "twice"):
        results = run("plain.keras", "noise", data=source, limit=0) / "results.csv"
        table = pd.read_csv(results, keep_default_na=False)
        chosen = (table.metric == "accuracy") & (table.perturbation == "none")
        rows.append(table[chosen & (table.subset == "all")].iloc[0])
        found = "80 faces in 40 groups" in (results.parent / "index.html").read_text()
        assert found == (source == "twice")
    once, twice = rows
    assert float(twice.value) == pytest.approx(float(once.value))
    width = float(once.ci_high) - float(once.ci_low)
    assert float(twice.ci_high) - float(twice.ci_low) >= width - 1e-9


def test_training_alone_trains(command: Command, tmp_path: Path) -> None:
    options = ("--labels", "fer", "--data", "train_only", "--epochs", 1, "--out", tmp_path / "t")
    assert command("fer_models.train", "simple_cnn", *options).code == 0


def test_private_test_is_recommended(run: Run) -> None:
    done = run("mini_xception.fer", "noise", data="private")
    assert "--split PrivateTest" in (done / "log.txt").read_text()
    assert "PrivateTest" in (done / "index.html").read_text()
