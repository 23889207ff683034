"""Bad models, given to the command: one line, exit code 2, and nothing is left behind."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.base.commands import run
from datasets.base.options import as_command
from evaluation.run import CommandRequest, main
from tests.fer_models.conftest import tiny_model
from tests.fer_models.foreign.small_nets import CONTRACT
from tests.fer_models.services.server import Fault, serving, write_service

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def contract(name: str, **fields: object) -> str:
    said = json.loads(CONTRACT.model_dump_json()) | {"output": "logits", **fields}
    Path(f"{name}.contract.json").write_text(json.dumps(said))
    return name


def a_text() -> str:
    Path("net.pt").write_text("not a model")
    return contract("net.pt")


def a_pickle() -> str:
    from tests.fer_models.pytorch.nets import tiny_module

    torch.save(tiny_module(), "net.pt")
    return contract("net.pt")


def one_fixed_image() -> str:
    from tests.fer_models.pytorch.nets import tiny_module

    torch.export.save(torch.export.export(tiny_module(), (torch.zeros(1, 1, 8, 8),)), "net.pt2")
    return contract("net.pt2")


def a_wrong_column() -> str:
    tiny_model().save("net.keras")
    return contract("net.keras", columns=[0, 1, 2, 3, 4, 5, 9])


def cats_in_a_contract() -> str:
    tiny_model().save("net.keras")
    cats = ["tabby", "siamese", "persian", "manx", "bengal", "sphynx", "burmese"]
    return contract("net.keras", classes=cats)


def cats_in_a_folder() -> str:
    from tests.fer_models.pytorch.test_hugging_face import cats, write_vit

    cats(write_vit(Path("vit")))
    return "vit"


def a_folder_without_weights() -> str:
    from tests.fer_models.pytorch.test_hugging_face import without_weights, write_vit

    without_weights(write_vit(Path("vit")))
    return "vit"


def a_folder_with_two_means() -> str:
    from tests.fer_models.pytorch.test_hugging_face import two_means, write_vit

    two_means(write_vit(Path("vit")))
    return "vit"


def an_empty_folder() -> str:
    Path("empty").mkdir()
    return "empty"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (a_text, "net.pt: cannot be opened: it is neither a net nor weights of PyTorch"),
        (a_pickle, "net.pt: must not be a pickle of Python objects"),
        (one_fixed_image, "net.pt2: must take any number of images; it takes exactly 1. Export it"),
        (a_wrong_column, "its contract names column 9. Correct `columns`."),
        (cats_in_a_contract, "net: classes must be emotions of fer or ferplus"),
        (cats_in_a_folder, "`id2label` must name emotions of faces, such as happy or sadness"),
        (a_folder_without_weights, "vit: expected a folder with weights"),
        (a_folder_with_two_means, "`mean` must be one value or one per channel (3)"),
        (an_empty_folder, "empty: expected the folder of a model"),
    ],
)
def test_a_bad_model_is_one_line(
    make: Callable[[], str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(make(), words, monkeypatch, capsys)


def test_a_service_that_answers_500_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(lambda _: {}) as server:
        server.always = Fault(500)
        name = str(
            write_service(tmp_path, server, tries=1, scores="a", output="logits", classes=CLASSES)
        )
        refused(
            name, "did not answer in 1 tries; the last ended with status 500", monkeypatch, capsys
        )


CLASSES = CONTRACT.classes


def refused(
    model: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    options = ["--data", "sample", "--limit", "20", "--models", model, "--out", "run"]
    monkeypatch.setattr(sys, "argv", ["run", *options])
    with pytest.raises(SystemExit) as ended:
        run(as_command(CommandRequest, main), prog="python -m evaluation.run")
    about_data, *lines = capsys.readouterr().err.splitlines()
    if about_data.startswith("error"):  # found before any data are read
        lines = [about_data]
    assert ended.value.code == 2
    (line,) = lines
    assert line.startswith("error: ") and words in line
    assert not Path("run").exists(), "a second try is not in the way of the first"
