"""Formats, names and errors of foreign models, as a user types them."""

import pytest

from tests.cases.conftest import Command, Run
from tests.cases.found import accuracy

pytestmark = pytest.mark.slow


def refused(command: Command, model: str, data: str = "faces", limit: int = 10) -> str:
    """The one line with which a run of a model is refused."""
    options = ("--data", data, "--models", model, "--tier", "noise.toml", "--labels", "fer")
    return command("evaluation.run", *options, "--limit", limit, "--out", "none").error


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("saved", "saved"),
        ("free.tflite", "free"),
        ("upper.KERAS", "upper"),
        ("a, b/net.keras", "net"),
    ],
)
def test_other_formats_and_names_give_what_the_net_gives(model: str, name: str, run: Run) -> None:
    done = run(model, "noise", limit=10)
    assert accuracy(done, name) == accuracy(run("plain.keras", "noise", limit=10), "plain")


def test_odd_inputs_of_onnx_are_measured_alike(run: Run) -> None:
    pytest.importorskip("onnx")
    found = {
        name: accuracy(run(f"{name}.onnx", "noise", limit=10), name)
        for name in ("uint8", "half", "double", "flat", "no_channel")
    }
    assert max(found.values()) - min(found.values()) <= 10, "one face"


def test_weights_without_a_net_and_addresses_are_told_what_to_do(command: Command) -> None:
    assert "state.pt" in refused(command, "state.pt")
    assert "download it and give its path" in refused(command, "https://example.org/net.keras")
    line = refused(command, "mini_xceptoin.fer")
    assert "Did you mean mini_xception.fer" in line and len(line) < 450


def test_errors_are_whole_sentences(command: Command) -> None:
    line = refused(command, "lambda.h5")
    assert "disallowed by default. Export it again, or name code" in line


def test_nan_says_of_how_many_faces_and_the_first(command: Command) -> None:
    line = refused(command, "callables:nan_on_bright", limit=60)
    assert "answered NaN or infinity for" in line and "of 60 images, first in row" in line
    assert "failed on none" not in line


def test_a_mistyped_callable_is_named_before_data_are_read(command: Command) -> None:
    line = refused(command, "callables:no_such", data="nowhere")
    assert "callables:no_such" in line and "nowhere" not in line
