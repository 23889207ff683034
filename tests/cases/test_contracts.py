"""Contracts that are wrong, partial or missing: flagged, read as the net means them, or refused."""

from pathlib import Path

import pytest

from tests.cases.conftest import Command, Run
from tests.cases.faces import ON_REAL_FACES
from tests.cases.found import accuracy, flags

pytestmark = pytest.mark.slow

GRID = (0, 0.5 / 255, 4 / 255)
TWO_FACES = 2 * 100 / 60 + 0.05


def figures(run: Path, model: str) -> list[float]:
    """Clean accuracy and that in the worst case, in percent."""
    return [accuracy(run, model, eps) for eps in GRID]


def options(models: str, tier: str) -> tuple[str, ...]:
    """Of a run that is refused."""
    return ("--data", "faces", "--models", models, "--tier", f"{tier}.toml", "--labels", "fer")


def test_alphabetical_classes_are_flagged_and_the_order_is_named(run: Run) -> None:
    done = run("plain.keras,alphabetical.keras", "small")
    words = flags(done, "alphabetical")["R25", "class order"]
    assert "sad is surprise" in words and "surprise is neutral" in words
    assert f"classifies {accuracy(done, 'plain'):.0f} % of 60 faces" in words
    assert flags(done, "plain") == {}


def test_pixels_from_0_to_255_are_flagged_and_the_scaling_is_named(run: Run) -> None:
    done = run("scale255.keras", "small")
    assert "With pixels scaled 0 to 1" in flags(done, "scale255")["R25", "scaling"]


def test_two_faults_in_one_contract_are_both_named(run: Run) -> None:
    done = run("both_wrong.keras", "noise")
    found = flags(done, "both_wrong")
    assert "sad is surprise" in found["R25", "class order"]
    assert "With pixels scaled 0 to 1" in found["R25", "scaling"]


def test_a_wrong_order_is_not_blamed_on_an_unknown_scaling(command: Command) -> None:
    refused = command("evaluation.run", *options("misordered.keras", "noise"), "--out", "no")
    assert "with the classes in the order of its contract" in refused.error
    order = "angry, disgust, fear, happy, sad, surprise, neutral. Correct its contract."
    assert order in refused.error


def test_standardised_pixels_are_read_so_or_refused(command: Command, run: Run) -> None:
    try:
        done = run("standardised.keras", "small")
    except AssertionError:
        refused = command("evaluation.run", *options("standardised.keras", "small"), "--out", "no")
        assert "each image standardised" in refused.error and "Tried: 0 to 1; -1" in refused.error
        return
    truth = figures(run("inside.keras", "small"), "inside")
    assert figures(done, "standardised") == pytest.approx(truth, abs=TWO_FACES)


@pytest.mark.parametrize("name", ["caffe_bgr", "partial"])
def test_what_no_contract_says_is_found(name: str, run: Run) -> None:
    done = run(f"{name}.keras", "small")
    truth = figures(run("plain.keras", "small"), "plain")
    assert figures(done, name) == pytest.approx(truth, abs=TWO_FACES)
    if ON_REAL_FACES and name == "partial":
        assert figures(done, name) == pytest.approx([68.3, 28.3, 0.0], abs=0.05)


def test_a_tie_is_said_and_the_probe_shows_its_progress(run: Run) -> None:
    done = run("tie.keras", "noise", "--faces", 300)
    log = (done / "log.txt").read_text()
    assert "the same outputs" in log and "-1 to 1, 0 to 255" in log
    assert "tie.keras: the probe tries 8 scalings" in log
    assert accuracy(done, "tie") == accuracy(run("inside.keras", "noise"), "inside")
